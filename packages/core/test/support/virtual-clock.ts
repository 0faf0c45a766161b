import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Clock, Timer } from '../../src/clock.js'

interface Alarm {
  readonly at: number
  readonly task: () => void
}

/** Promises and what they set off with `setImmediate` come to rest. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 3; turn++) await nextTurn()
}

/** Stands still until it is told to go on. */
export class VirtualClock implements Clock {
  readonly #alarms = new Set<Alarm>()
  #now = 0

  get pending(): number {
    return this.#alarms.size
  }

  now(): number {
    return this.#now
  }

  wallMs(): number {
    return Date.UTC(2026, 0, 1) + this.#now
  }

  after(delayMs: number, task: () => void): Timer {
    const alarm = { at: this.#now + Math.max(0, delayMs), task }
    this.#alarms.add(alarm)
    return { cancel: () => void this.#alarms.delete(alarm) }
  }

  /** Goes on by so much: every timer runs at its own time, and all comes to rest after each. */
  async advance(ms: number): Promise<void> {
    const until = this.#now + ms
    await settle()
    for (let next = this.#next(until); next !== undefined; next = this.#next(until)) {
      this.#alarms.delete(next)
      this.#now = next.at
      next.task()
      await settle()
    }
    this.#now = until
  }

  #next(until: number): Alarm | undefined {
    let next: Alarm | undefined
    for (const alarm of this.#alarms)
      if (alarm.at <= until && (next === undefined || alarm.at < next.at)) next = alarm
    return next
  }
}
