import { backoff } from './backoff.js'
import { ConfigError, type ConfigProblem } from '../error/kinds.js'
import { mustBeOptions, number, refuseUnknown, resolveOptions, type OptionTable } from '../option/option.js'

/** How long a message whose handler threw waits, with its key. Made by `exponential()`. */
export interface RetryPolicy {
  /** Wait before the run after number `attempt` (from 1), in milliseconds. */
  delayMs(attempt: number): number
}

export interface RetrySettings {
  /** Wait after the first failure. @default 200 */
  readonly initialDelayMs: number
  /** Longest wait; it doubles until then. @default 30_000 */
  readonly maxDelayMs: number
}

const longestDelayMs = 3_600_000
const fallbackDelayMs = 30_000

export const retryOptionTable: OptionTable<RetrySettings> = {
  initialDelayMs: number(200, 1, longestDelayMs),
  maxDelayMs: number(fallbackDelayMs, 1, longestDelayMs),
}

/**
 * Doubles the wait after each failure of a message, with jitter (half of it is random).
 * @throws ConfigError
 */
export function exponential(options: Partial<RetrySettings> = {}): RetryPolicy {
  mustBeOptions('exponential()', options)
  const problems: ConfigProblem[] = []
  const resolved = resolveOptions(retryOptionTable, options, problems)
  refuseUnknown(options, Object.keys(retryOptionTable), problems)
  const [first, ...rest] = problems
  if (first !== undefined) throw new ConfigError('exponential()', [first, ...rest])
  return { delayMs: backoff(resolved) }
}

/** What a policy says, if it says anything: one that throws or answers nonsense must not stop a key for ever. */
export function delayAfter(policy: RetryPolicy, attempt: number): number {
  try {
    const delayMs = policy.delayMs(attempt)
    if (delayMs >= 0 && delayMs <= longestDelayMs) return delayMs
  } catch {
    // As for nonsense.
  }
  return fallbackDelayMs
}
