import type { BrokerEnvironment, BrokerHandle, ProviderName } from './broker.js'
import { nativeProvider } from './native/provider.js'
import { startWatchdog } from './watchdog.js'

export interface EnvironmentOptions {
  /** Forces a provider, as `WAYBILL_BROKERS` does. Default: chosen by what the machine has. */
  readonly provider?: ProviderName
  /** Receives one line per step worth knowing. Default: standard error. */
  readonly log?: (line: string) => void
}

export async function createEnvironment(options: EnvironmentOptions = {}): Promise<BrokerEnvironment> {
  const log = options.log ?? ((line) => void process.stderr.write(`brokers: ${line}\n`))
  const watchdog = startWatchdog()
  const provider = nativeProvider({ watchdog, log })
  const starting = new Set<Promise<BrokerHandle>>()

  const track = <H extends BrokerHandle>(handle: Promise<H>): Promise<H> => {
    starting.add(handle)
    return handle
  }
  let stopped: Promise<void> | undefined
  const stop = async () => {
    const results = await Promise.allSettled(starting)
    const handles = results.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []))
    await Promise.all(handles.map((handle) => handle.stop()))
    watchdog.close()
  }
  const environment: BrokerEnvironment = {
    provider: provider.name,
    reason: 'the only one there is so far',
    kafka: (broker = {}) => track(provider.kafka(broker)),
    rabbitmq: (broker = {}) => track(provider.rabbitmq(broker)),
    redis: (broker = {}) => track(provider.redis(broker)),
    stop: () => (stopped ??= stop()),
    [Symbol.asyncDispose]: () => environment.stop(),
  }
  log(`${environment.provider}, because ${environment.reason}`)
  return environment
}
