import type { ProviderName } from './broker.js'
import type { Images } from './containers/images.js'

/** A program that native brokers need, and the packages that bring it. */
export interface Program {
  readonly name: string
  readonly apt: string
  readonly brew: string
}

/** What the choice depends on. Each question is asked only if the answer matters. */
export interface Machine {
  readonly env: NodeJS.ProcessEnv
  readonly isRoot: boolean
  readonly packageManager: 'apt' | 'brew' | undefined
  /** @throws Error with the reason, if containers cannot be had here */
  images(): Promise<Images>
  missingPrograms(): Promise<readonly Program[]>
}

export type Choice =
  | { readonly provider: 'testcontainers'; readonly reason: string; readonly images: Images }
  | { readonly provider: 'native'; readonly reason: string }
  | { readonly provider: 'external'; readonly reason: string }
  | {
      readonly provider: undefined
      /** What is missing, and the commands that bring it. */
      readonly problem: string
      /** Packages that we may install ourselves on this machine; empty if we may not. */
      readonly installable: readonly string[]
    }

const URLS = ['WAYBILL_KAFKA_BROKERS', 'WAYBILL_RABBITMQ_URL', 'WAYBILL_REDIS_URL']

/**
 * Where brokers come from on this machine: what `WAYBILL_BROKERS` (or `forced`) says; else those that URLs are given
 * for, containers, and native processes, in this order.
 * @throws Error if `WAYBILL_BROKERS` names no provider
 */
export async function chooseProvider(machine: Machine, forced?: ProviderName): Promise<Choice> {
  const wanted = forced ?? parseProvider(machine.env['WAYBILL_BROKERS'])
  const urls = URLS.filter((name) => machine.env[name])
  if (wanted === 'external') return { provider: 'external', reason: 'it was asked for' }
  if (wanted === undefined && urls.length > 0)
    return { provider: 'external', reason: `${urls.join(', ')} given` }

  let obstacle = 'native brokers were asked for'
  if (wanted !== 'native') {
    try {
      const images = await machine.images()
      return {
        provider: 'testcontainers',
        reason: `a Docker engine has ${Object.values(images).join(', ')}`,
        images,
      }
    } catch (error) {
      obstacle = error instanceof Error ? error.message : String(error)
    }
  }
  if (wanted === 'testcontainers') {
    return { provider: undefined, problem: `Containers were asked for, but ${obstacle}.`, installable: [] }
  }
  const missing = await machine.missingPrograms()
  if (missing.length === 0) return { provider: 'native', reason: obstacle }
  return {
    provider: undefined,
    problem: describe(obstacle, missing),
    installable: installable(machine, missing),
  }
}

function parseProvider(value: string | undefined): ProviderName | undefined {
  if (!value) return undefined
  if (value === 'testcontainers' || value === 'native' || value === 'external') return value
  throw new Error(`WAYBILL_BROKERS is "${value}"; it may be testcontainers, native or external.`)
}

function installable(machine: Machine, missing: readonly Program[]): readonly string[] {
  const allowed = machine.isRoot && machine.packageManager === 'apt' && !machine.env['WAYBILL_NO_INSTALL']
  return allowed ? missing.map(({ apt }) => apt) : []
}

function describe(obstacle: string, missing: readonly Program[]): string {
  return [
    'No broker can be started on this machine.',
    `  Containers: ${obstacle}.`,
    `  Native processes: ${missing.map(({ name }) => name).join(', ')} not found.`,
    'Any one of these is enough:',
    '  a Docker engine: https://docs.docker.com/engine/install/',
    `  Debian, Ubuntu:  sudo apt-get install ${missing.map(({ apt }) => apt).join(' ')}`,
    `  macOS:           brew install ${missing.map(({ brew }) => brew).join(' ')}`,
  ].join('\n')
}
