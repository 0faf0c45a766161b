import type { CloseOptions } from './subscription.js'

const longestMs = 3_600_000

/**
 * How long a close waits, from 0 to an hour. A close must not fail over its option, so what is out of
 * bounds is taken as the nearest, `Infinity` included, and what is no number as the default.
 */
export function closeTimeoutOf(options: CloseOptions, byDefaultMs: number): number {
  const { timeoutMs } = options
  if (typeof timeoutMs !== 'number' || Number.isNaN(timeoutMs)) return byDefaultMs
  return Math.min(Math.max(timeoutMs, 0), longestMs)
}
