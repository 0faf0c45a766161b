import type { Flight } from './flights.js'
import { foldByAirport } from './fold.js'
import type { FoldDatabase } from './fold-table.js'
import { groups, type Group } from './topic.js'

export interface Result {
  readonly published: number
  readonly handled: number
  readonly lost: number
  readonly outOfOrder: number
  readonly overlapping: number
  readonly duplicates: number
  readonly perSecond: number
  readonly p50Ms: number
  readonly p99Ms: number
  readonly airports: number
  /** Airports whose fold is exactly the one computed from the file. */
  readonly identical: number
}

export function resultOf(database: FoldDatabase, flights: readonly Flight[], published: number): Result {
  const { handled, duplicates, outOfOrder, overlapping, latenciesMs, firstAtMs, lastAtMs } =
    database.observations
  const expected = [...foldByAirport(flights)]
  const sorted = latenciesMs.toSorted((a, b) => a - b)
  const quantile = (share: number): number => sorted[Math.floor(share * (sorted.length - 1))] ?? NaN
  const isIdentical = ([airport, fold]: (typeof expected)[number]): boolean => {
    const found = database.fold(airport)
    return found.hash === fold.hash && found.meanDelay === fold.meanDelay && found.flights === fold.flights
  }
  return {
    published,
    handled,
    lost: published - handled,
    outOfOrder,
    overlapping,
    duplicates,
    perSecond: (handled / (lastAtMs - firstAtMs)) * 1_000,
    p50Ms: quantile(0.5),
    p99Ms: quantile(0.99),
    airports: expected.length,
    identical: expected.filter(isIdentical).length,
  }
}

export const isPerfect = ({ lost, outOfOrder, overlapping, airports, identical }: Result): boolean =>
  lost === 0 && outOfOrder === 0 && overlapping === 0 && identical === airports

const lines: readonly (readonly [label: string, show: (result: Result) => string])[] = [
  ['published', ({ published }) => whole(published)],
  ['handled', ({ handled }) => whole(handled)],
  ['lost', ({ lost }) => whole(lost)],
  ['out of order', ({ outOfOrder }) => whole(outOfOrder)],
  ['overlapping in one airport', ({ overlapping }) => whole(overlapping)],
  ['duplicates, ignored by id', ({ duplicates }) => whole(duplicates)],
  ['throughput', ({ perSecond }) => `${whole(perSecond)}/s`],
  ['latency p50', ({ p50Ms }) => `${whole(p50Ms)} ms`],
  ['latency p99', ({ p99Ms }) => `${whole(p99Ms)} ms`],
  ['identical folds', ({ identical, airports }) => `${identical} of ${airports}`],
]

const whole = (value: number): string => Math.round(value).toLocaleString('en-US')

/** The table, and one sentence on what it says. */
export function describe(results: Readonly<Record<Group, Result>>): string {
  const row = (label: string, cells: readonly string[]): string =>
    `  ${label.padEnd(28)}${cells.map((cell) => cell.padStart(14)).join('')}`
  const table = [
    row('', groups),
    ...lines.map(([label, show]) =>
      row(
        label,
        groups.map((group) => show(results[group])),
      ),
    ),
  ]
  const wrong = groups.filter((group) => !isPerfect(results[group]))
  const verdict =
    wrong.length === 0
      ? `Every fold is identical to the one computed from the file, in both groups: nothing was lost, reordered or run twice at once.`
      : `NOT as promised: ${wrong.join(' and ')} differ from the file; see the table.`
  return `\n${table.join('\n')}\n\n${verdict}`
}
