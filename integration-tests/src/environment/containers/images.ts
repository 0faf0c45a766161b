import { ImageName, getContainerRuntimeClient } from 'testcontainers'

export type Images = Readonly<Record<'kafka' | 'rabbitmq' | 'redis', string>>

/** The official images, and those that `images/build.sh` makes where the official ones cannot be pulled. */
const CANDIDATES = {
  kafka: ['apache/kafka:4.1.0', 'waybill/kafka:4.1'],
  rabbitmq: ['rabbitmq:4-management', 'waybill/rabbitmq:4'],
  redis: ['redis:8', 'waybill/redis:8'],
} as const

/**
 * Finds an image for every broker: the one the environment names, one that is present, or the official one, pulled.
 * @throws Error if no Docker engine answers, or an image is neither present nor can be pulled
 */
export async function resolveImages(env: NodeJS.ProcessEnv, log: (line: string) => void): Promise<Images> {
  return {
    kafka: await resolveImage(env['WAYBILL_KAFKA_IMAGE'], CANDIDATES.kafka, log),
    rabbitmq: await resolveImage(env['WAYBILL_RABBITMQ_IMAGE'], CANDIDATES.rabbitmq, log),
    redis: await resolveImage(env['WAYBILL_REDIS_IMAGE'], CANDIDATES.redis, log),
  }
}

async function resolveImage(
  named: string | undefined,
  candidates: readonly [string, ...string[]],
  log: (line: string) => void,
): Promise<string> {
  const { image } = await getContainerRuntimeClient().catch((cause: unknown) => {
    throw new Error('no Docker engine answers', { cause })
  })
  const exists = (name: string) => image.exists(ImageName.fromString(name))
  const wanted = named ?? candidates[0]
  for (const name of named ? [named] : candidates) {
    if (await exists(name)) return name
  }
  log(`pulling ${wanted}`)
  let cause: unknown
  await image.pull(ImageName.fromString(wanted)).catch((error: unknown) => void (cause = error))
  // The client reports some failed pulls as done.
  if (await exists(wanted)) return wanted
  throw new Error(`the image ${wanted} is not present and cannot be pulled`, { cause })
}
