import amqp from 'amqplib'
import Redis from 'ioredis'
import { Kafka, logLevel } from 'kafkajs'

// Each probe opens a connection of its own, resolves if the broker serves and rejects otherwise.

const TIMEOUT_MS = 5_000

/** Resolves once metadata is served, by a cluster of so many nodes, and every existing partition has a leader. */
export async function probeKafka(brokers: readonly string[], nodes = 1): Promise<void> {
  const kafka = new Kafka({
    brokers: [...brokers],
    logLevel: logLevel.NOTHING,
    connectionTimeout: TIMEOUT_MS,
    requestTimeout: TIMEOUT_MS,
    retry: { retries: 0 },
  })
  const admin = kafka.admin()
  try {
    await admin.connect()
    const known = (await admin.describeCluster()).brokers.length
    if (known < nodes) throw new Error(`${known} of ${nodes} nodes are there`)
    const { topics } = await admin.fetchTopicMetadata()
    const leaderless = topics.filter((topic) => topic.partitions.some(({ leader }) => leader < 0))
    if (leaderless.length > 0)
      throw new Error(`no leader yet: ${leaderless.map(({ name }) => name).join(', ')}`)
  } finally {
    await admin.disconnect()
  }
}

/** @returns the broker's version */
export async function probeRabbitmq(url: string): Promise<string> {
  const connection = await amqp.connect(url, { timeout: TIMEOUT_MS })
  connection.on('error', () => undefined) // ends close() as well
  const { version } = connection.connection.serverProperties
  await connection.close()
  return version
}

/** @returns the server's version */
export async function probeRedis(url: string): Promise<string> {
  const redis = new Redis(url, { lazyConnect: true, maxRetriesPerRequest: 0, retryStrategy: () => null })
  redis.on('error', () => undefined) // reported by connect()
  await redis.connect()
  try {
    return /redis_version:(\S+)/.exec(await redis.info('server'))?.[1] ?? 'unknown'
  } finally {
    await redis.quit() // disconnect() would leave a timer behind
  }
}
