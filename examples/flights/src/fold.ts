import { createHash } from 'node:crypto'
import type { Flight } from './flights.js'

/** What a group knows of an airport. The hash depends on every flight and on their order. */
export interface Fold {
  readonly flights: number
  readonly meanDelay: number
  readonly hash: string
}

export const emptyFold: Fold = { flights: 0, meanDelay: 0, hash: '' }

export function withFlight(fold: Fold, flight: Flight): Fold {
  const flights = fold.flights + 1
  return {
    flights,
    meanDelay: fold.meanDelay + (flight.delay - fold.meanDelay) / flights,
    hash: createHash('sha256').update(fold.hash).update(JSON.stringify(flight)).digest('hex'),
  }
}

/** What every group has to arrive at: computed directly from the file. */
export function foldByAirport(flights: readonly Flight[]): ReadonlyMap<string, Fold> {
  const folds = new Map<string, Fold>()
  for (const flight of flights) {
    folds.set(flight.origin, withFlight(folds.get(flight.origin) ?? emptyFold, flight))
  }
  return folds
}
