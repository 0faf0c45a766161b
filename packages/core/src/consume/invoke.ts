import { decodeValue } from '../message/decode.js'
import { isThenable } from '../thenable.js'
import type { Consumption } from './consumption.js'
import { ReceivedMessage, type Run } from './run.js'

export interface Failure {
  readonly error: unknown
  /** Whether the handler ran; if not, the message could not be read, or has gone meanwhile. */
  readonly isDecoded: boolean
}

/** Decodes a message and runs its handler, whatever that may do. `ended` hears of it at least once. */
export function invoke(
  consumption: Consumption,
  run: Run,
  ended: (failure: Failure | undefined) => void,
): void {
  const { topic, group, capabilities, handler } = consumption
  const { delivery } = run
  let isDecoded = false
  const succeeded = (): void => ended(undefined)
  const failed = (error: unknown): void => ended({ error, isDecoded })
  const handle = (value: unknown): void => {
    // It may run elsewhere by now, if the schema took its time.
    if (delivery.holding.isOver) return failed(undefined)
    isDecoded = true
    delivery.attempts++
    const source = { topic: topic.name, group, stablePositions: capabilities.stablePositions }
    const result = handler(new ReceivedMessage(run, value, source))
    // Resolved by us: a thenable may throw, answer twice, or answer with another one.
    if (isThenable(result)) Promise.resolve(result).then(succeeded, failed)
    else succeeded()
  }
  try {
    const value = decodeValue(topic, delivery.record)
    if (value instanceof Promise) value.then(handle).catch(failed)
    else handle(value)
  } catch (error) {
    failed(error)
  }
}
