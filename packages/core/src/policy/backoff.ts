export interface BackoffOptions {
  readonly initialDelayMs: number
  readonly maxDelayMs: number
  /** @default 2 */
  readonly factor?: number
  /** Share of a delay that is random, so that many waiters do not come back at once. @default 0.5 */
  readonly jitter?: number
}

/** How long to wait before try number `attempt` (from 1) is made again. */
export type Backoff = (attempt: number) => number

/** Exponential growth with jitter: between `delay × (1 − jitter)` and `delay`, at most `maxDelayMs`. */
export function backoff(options: BackoffOptions, random: () => number = Math.random): Backoff {
  const { initialDelayMs, maxDelayMs, factor = 2, jitter = 0.5 } = options
  return (attempt) => {
    const delay = Math.min(maxDelayMs, initialDelayMs * factor ** Math.min(attempt - 1, 60))
    return Math.round(delay * (1 - jitter * random()))
  }
}
