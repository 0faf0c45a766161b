import { hostname } from 'node:os'
import { randomBytes } from 'node:crypto'
import { systemClock } from '../clock.js'
import { ConfigError, type ConfigProblem } from '../error/kinds.js'
import { refuseUnknown, resolveOptions, show } from '../option/option.js'
import type { Bus } from './bus.js'
import { silentLogger } from './logger.js'
import { busOptionTable, type BusOptions } from './options.js'
import { RuntimeBus } from './runtime-bus.js'

/**
 * Makes a bus that is not connected yet, for dependency injection: call `connect()` on it once.
 * @throws ConfigError with every problem at once
 */
export function createBus(options: BusOptions): Bus {
  const problems: ConfigProblem[] = []
  const settings = resolveOptions(busOptionTable, options, problems)
  refuseUnknown(options, ['transport', 'topics', 'logger', 'clock', ...Object.keys(busOptionTable)], problems)
  if (typeof (options.transport as { connect?: unknown } | undefined)?.connect !== 'function') {
    problems.push({
      code: 'CONFIG_INVALID',
      path: 'transport',
      message: `must be memory(), kafka({...}) or rabbitmq({...}), not ${show(options.transport)}`,
    })
  }
  const [first, ...rest] = problems
  if (first !== undefined) throw new ConfigError('The bus', [first, ...rest])
  const clientId = settings.clientId ?? `${hostname()}-${process.pid}-${randomBytes(3).toString('hex')}`
  return new RuntimeBus({
    settings: { ...settings, clientId, source: settings.source ?? `waybill:${clientId}` },
    transport: options.transport,
    topics: options.topics ?? [],
    logger: options.logger ?? silentLogger,
    clock: options.clock ?? systemClock,
  })
}

/**
 * Makes a bus and connects it.
 * @throws ConfigError, ConnectionError, TopologyError
 */
export async function connect(options: BusOptions): Promise<Bus> {
  const bus = createBus(options)
  await bus.connect()
  return bus
}
