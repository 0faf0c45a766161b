import { setTimeout as sleep } from 'node:timers/promises'
import type { Bus } from '@waybill/core'
import type { Flight } from './flights.js'
import type { flightsTopic } from './topic.js'

const tickMs = 20
/** Published at once, however far behind a slow broker has put us: `maxUnconfirmed` bounds what may wait. */
const burst = 1_000

/** Publishes the flights in order, at a steady pace. Resolves when the broker has stored every one. */
export async function publishFlights(
  bus: Bus,
  topic: ReturnType<typeof flightsTopic>,
  flights: readonly Flight[],
  perSecond: number,
  published: (count: number) => void,
): Promise<void> {
  const startedAt = performance.now()
  for (let next = 0; next < flights.length;) {
    const due = Math.min(
      flights.length,
      next + burst,
      Math.ceil(((performance.now() - startedAt) / 1_000) * perSecond),
    )
    const rows = flights.slice(next, due)
    await Promise.all(rows.map((flight, index) => bus.publish(topic, flight, { id: `row-${next + index}` })))
    next += rows.length
    published(next)
    await sleep(tickMs)
  }
}
