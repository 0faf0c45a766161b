import type { Finished } from './fold-table.js'

interface LastOfAirport {
  readonly row: number
  readonly endedAtMs: number
}

/** What the demo measures of one group while its database is written. */
export class Observations {
  handled = 0
  duplicates = 0
  outOfOrder = 0
  overlapping = 0
  readonly latenciesMs: number[] = []
  firstAtMs: number = Infinity
  lastAtMs: number = -Infinity
  readonly #lasts = new Map<string, LastOfAirport>()

  note({ id, flight, startedAtMs, publishedAtMs }: Finished, isNew: boolean, nowMs: number): void {
    const last = this.#lasts.get(flight.origin) ?? { row: -1, endedAtMs: -Infinity }
    const row = Number(id.slice(id.indexOf('-') + 1))
    // One handler at a time for an airport: each starts after the one before it has ended.
    if (startedAtMs < last.endedAtMs) this.overlapping++
    if (isNew && row < last.row) this.outOfOrder++
    this.#lasts.set(flight.origin, { row: Math.max(row, last.row), endedAtMs: nowMs })
    if (!isNew) {
      this.duplicates++
      return
    }
    this.handled++
    this.firstAtMs = Math.min(this.firstAtMs, nowMs)
    this.lastAtMs = nowMs
    this.latenciesMs.push(Math.max(0, Date.now() - publishedAtMs))
  }
}
