export interface Timer {
  cancel(): void
}

/**
 * All time in Waybill comes from here, so that tests can turn it. Delays and deadlines use the
 * monotonic `now()`, which no clock step moves; `wallMs()` is for what leaves the process.
 */
export interface Clock {
  /** Monotonic milliseconds since an arbitrary start. */
  now(): number
  /** Milliseconds since the Unix epoch. */
  wallMs(): number
  /** Runs `task` once after `delayMs`; the timer keeps the process alive until it ran or is cancelled. */
  after(delayMs: number, task: () => void): Timer
}

export const systemClock: Clock = {
  now: () => performance.now(),
  wallMs: () => Date.now(),
  after(delayMs, task) {
    const timer = setTimeout(task, delayMs)
    return { cancel: () => clearTimeout(timer) }
  },
}
