import { randomUUID } from 'node:crypto'
import { appendFileSync } from 'node:fs'
import type { BrokerEnvironment, BrokerHandle, ProviderName } from './broker.js'
import { type Choice, chooseProvider } from './choose-provider.js'
import { externalProvider } from './external.js'
import { thisMachine } from './machine.js'
import { nativeProvider } from './native/provider.js'
import type { BrokerProvider } from './provider.js'
import { type Watchdog, startWatchdog } from './watchdog.js'

export interface EnvironmentOptions {
  /** Forces a provider, as `WAYBILL_BROKERS` does. Default: chosen by what the machine has. */
  readonly provider?: ProviderName
  /** Receives one line per step worth knowing. Default: standard error. */
  readonly log?: (line: string) => void
}

/**
 * Chooses a provider for this machine and says which. Brokers start when they are asked for.
 * @throws Error naming each missing piece, if brokers can be had from nowhere
 */
export async function createEnvironment(options: EnvironmentOptions = {}): Promise<BrokerEnvironment> {
  const log = options.log ?? ((line) => void process.stderr.write(`brokers: ${line}\n`))
  const choice = await chooseProvider(thisMachine(log), options.provider)
  if (choice.provider === undefined) throw new Error(choice.problem)
  log(`${choice.provider}, because ${choice.reason}`)

  const watchdog = startWatchdog()
  const provider = await openProvider(choice, watchdog, log)
  const handles: Promise<BrokerHandle>[] = []
  const track = async <H extends BrokerHandle>(starting: Promise<H>): Promise<H> => {
    handles.push(starting)
    const since = performance.now()
    const handle = await starting
    const seconds = ((performance.now() - since) / 1000).toFixed(1)
    record(
      `${handle.kind} ${handle.version} (${provider.name})`,
      `ready after ${seconds} s at ${hostOf(handle.url)}`,
    )
    return handle
  }
  const record = (broker: string, detail: string) => {
    log(`${broker} ${detail}`)
    const journal = process.env['WAYBILL_BROKER_JOURNAL']
    if (journal) appendFileSync(journal, `${broker}\n`)
  }
  const stopAll = async () => {
    const started = await Promise.allSettled(handles)
    await Promise.all(
      started.flatMap((result) => (result.status === 'fulfilled' ? [result.value.stop()] : [])),
    )
    watchdog.close()
  }
  let stopped: Promise<void> | undefined
  const stop = () => (stopped ??= stopAll())
  return {
    provider: provider.name,
    reason: choice.reason,
    kafka: (broker = {}) => track(provider.kafka(broker)),
    rabbitmq: (broker = {}) => track(provider.rabbitmq(broker)),
    redis: (broker = {}) => track(provider.redis(broker)),
    stop,
    [Symbol.asyncDispose]: stop,
  }
}

/** A URL without its credentials. */
function hostOf(url: string): string {
  return URL.canParse(url) ? new URL(url).host || url : url
}

async function openProvider(
  choice: Exclude<Choice, { provider: undefined }>,
  watchdog: Watchdog,
  log: (line: string) => void,
): Promise<BrokerProvider> {
  if (choice.provider === 'native') return nativeProvider({ watchdog, log })
  if (choice.provider === 'external') return externalProvider(process.env)
  // The watchdog cleans up for us: no need for a second helper, whose image a host may not be able to pull.
  process.env['TESTCONTAINERS_RYUK_DISABLED'] = 'true'
  const label = `waybill.environment=${randomUUID()}`
  watchdog.guard(`containers ${label}`)
  const { containerProvider } = await import('./containers/provider.js')
  return containerProvider({ images: choice.images, label })
}
