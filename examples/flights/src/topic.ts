import { defineTopic, type Topic } from '@waybill/core'
import type { Flight } from './flights.js'

export const groups = ['statistics', 'archive'] as const
export type Group = (typeof groups)[number]

/** Flights of one airport stay in order; both groups get every flight. */
export function flightsTopic(name: string): Topic<Flight, Flight, Group> {
  return defineTopic<Flight, Group>({
    name,
    key: (flight) => flight.origin,
    partitions: 12,
    groups,
  })
}
