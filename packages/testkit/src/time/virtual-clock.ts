import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Clock } from '@waybill/core/spi'

/** A clock that stands still until it is told to go on. */
export interface VirtualClock extends Clock {
  /**
   * Goes on by so much, running every timer at its own time, in order; promises settle before each of them
   * and at the end.
   */
  advance(ms: number): Promise<void>
  /** Timers that have not run. */
  readonly pending: number
}

interface Alarm {
  readonly at: number
  readonly task: () => void
}

/** @param startWallMs what `wallMs()` says at the start. */
export function createVirtualClock(startWallMs: number = Date.UTC(2026, 0, 1)): VirtualClock {
  const alarms = new Set<Alarm>()
  let now = 0

  // Timers of the same time run in the order in which they were set: a set keeps it.
  const nextDue = (until: number): Alarm | undefined => {
    let next: Alarm | undefined
    for (const alarm of alarms)
      if (alarm.at <= until && (next === undefined || alarm.at < next.at)) next = alarm
    return next
  }
  return {
    now: () => now,
    wallMs: () => startWallMs + now,
    after(delayMs, task) {
      const alarm = { at: now + Math.max(0, delayMs), task }
      alarms.add(alarm)
      return { cancel: () => void alarms.delete(alarm) }
    },
    async advance(ms) {
      const until = now + ms
      await nextTurn()
      for (let due = nextDue(until); due !== undefined; due = nextDue(until)) {
        alarms.delete(due)
        now = due.at
        due.task()
        await nextTurn()
      }
      now = until
      await nextTurn()
    },
    get pending() {
      return alarms.size
    },
  }
}
