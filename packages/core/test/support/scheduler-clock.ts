import type { Scheduler } from 'fast-check'
import type { Clock, Timer } from '../../src/clock.js'

/**
 * Time stands still, and every timer runs at some moment that fast-check's scheduler chooses; those of
 * `neverMs` and longer never do, for the scheduler may let one that is set anew starve all others.
 */
export class SchedulerClock implements Clock {
  readonly #scheduler: Scheduler
  readonly #neverMs: number

  constructor(scheduler: Scheduler, neverMs: number) {
    this.#scheduler = scheduler
    this.#neverMs = neverMs
  }

  now(): number {
    return 0
  }

  wallMs(): number {
    return Date.UTC(2026, 0, 1)
  }

  after(delayMs: number, task: () => void): Timer {
    let isCancelled = false
    if (delayMs >= this.#neverMs) return { cancel: () => undefined }
    void this.#scheduler.schedule(Promise.resolve(), `${delayMs} ms`).then(() => {
      if (!isCancelled) task()
    })
    return { cancel: () => void (isCancelled = true) }
  }
}
