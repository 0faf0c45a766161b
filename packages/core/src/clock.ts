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

/** Resolves when `work` settles or `timeoutMs` passed, whichever is first; says whether it settled. */
export async function within(clock: Clock, work: Promise<unknown>, timeoutMs: number): Promise<boolean> {
  let timer: Timer | undefined
  const late = new Promise<boolean>((resolve) => {
    timer = clock.after(timeoutMs, () => resolve(false))
  })
  const settled = work.then(
    () => true,
    () => true,
  )
  try {
    return await Promise.race([settled, late])
  } finally {
    timer?.cancel()
  }
}
