import { hostname } from 'node:os'
import { randomBytes } from 'node:crypto'
import { systemClock } from '../clock.js'
import { ConfigError, type ConfigProblem } from '../error/kinds.js'
import { mustBeOptions, refuseUnknown, resolveOptions, show } from '../option/option.js'
import type { Bus } from './bus.js'
import { guarded, silentLogger, type Logger } from './logger.js'
import { busOptionTable, type BusOptions } from './options.js'
import { RuntimeBus } from './runtime-bus.js'

/**
 * Makes a bus that is not connected yet, for dependency injection: call `connect()` on it once.
 * @throws ConfigError with every problem at once
 */
export function createBus(options: BusOptions): Bus {
  mustBeOptions('The bus', options)
  const problems: ConfigProblem[] = []
  const settings = resolveOptions(busOptionTable, options, problems)
  refuseUnknown(options, ['transport', 'topics', 'logger', 'clock', ...Object.keys(busOptionTable)], problems)
  if (typeof (options.transport as { connect?: unknown } | undefined)?.connect !== 'function') {
    problems.push({
      code: 'CONFIG_INVALID',
      path: 'transport',
      message: `must be a transport, as memory() of @waybill/memory makes one, not ${show(options.transport)}`,
    })
  }
  if (options.topics !== undefined && !Array.isArray(options.topics)) {
    problems.push({
      code: 'CONFIG_INVALID',
      path: 'topics',
      message: `must be an array, not ${show(options.topics)}`,
    })
  }
  if (options.logger !== undefined && !isLogger(options.logger)) {
    problems.push({
      code: 'CONFIG_INVALID',
      path: 'logger',
      message: 'must have debug, info, warn and error',
    })
  }
  const [first, ...rest] = problems
  if (first !== undefined) throw new ConfigError('The bus', [first, ...rest])
  const clientId = settings.clientId ?? `${hostname()}-${process.pid}-${randomBytes(3).toString('hex')}`
  return new RuntimeBus({
    settings: { ...settings, clientId, source: settings.source ?? `waybill:${clientId}` },
    transport: options.transport,
    topics: options.topics ?? [],
    logger: guarded(options.logger ?? silentLogger),
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

const isLogger = (given: Partial<Logger>): boolean =>
  [given.debug, given.info, given.warn, given.error].every((method) => typeof method === 'function')
