import type { Flight } from './flights.js'
import { emptyFold, withFlight, type Fold } from './fold.js'
import { Observations } from './observations.js'
import { machineClockMs } from './machine-clock.js'

/** One flight that a handler has finished with. */
export interface Finished {
  readonly id: string
  readonly flight: Flight
  /** When its handler started, by `machineClockMs`. */
  readonly startedAtMs: number
  /** When it was published, in milliseconds since the Unix epoch. */
  readonly publishedAtMs: number
}

/** A group's table of folds, as its members see it. */
export interface FoldTable {
  /** Adds the flight to its airport's fold, unless it is in there already. One transaction. */
  add(finished: Finished): Promise<'added' | 'duplicate'>
}

interface Row {
  fold: Fold
  readonly ids: Set<string>
}

/**
 * Stands for the user's database: it outlives the members, and takes one transaction at a time. The
 * ids of what is folded are stored with the folds, so a message that comes again changes nothing.
 */
export class FoldDatabase {
  readonly observations: Observations = new Observations()
  readonly #rows = new Map<string, Row>()

  add(finished: Finished): 'added' | 'duplicate' {
    const { id, flight } = finished
    const row = this.#rows.get(flight.origin) ?? { fold: emptyFold, ids: new Set() }
    this.#rows.set(flight.origin, row)
    const isNew = !row.ids.has(id)
    this.observations.note(finished, isNew, machineClockMs())
    if (!isNew) return 'duplicate'
    row.ids.add(id)
    row.fold = withFlight(row.fold, flight)
    return 'added'
  }

  fold(airport: string): Fold {
    return this.#rows.get(airport)?.fold ?? emptyFold
  }
}
