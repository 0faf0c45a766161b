import type { Logger } from '@waybill/core/spi'
import type { Internals } from './internals.js'

interface Entry {
  readonly namespace: string
  readonly log: { readonly message: string; readonly error?: string; readonly broker?: string }
}

const warnings = 2

/** What kafkajs would print, as debug lines of the bus's logger. */
export function clientLogger(
  { createLogger }: Internals,
  logger: Logger,
  redacted: (text: string) => string,
): unknown {
  return createLogger({
    level: warnings,
    logCreator:
      () =>
      ({ namespace, log }: Entry) => {
        const error = log.error === undefined ? '' : ` (${log.error})`
        logger.debug(redacted(`kafkajs ${namespace}: ${log.message}${error}`), { broker: log.broker })
      },
  })
}
