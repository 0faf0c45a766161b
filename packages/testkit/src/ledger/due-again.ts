import { readHistory } from './history.js'
import type { Entry } from './journal.js'

export interface DueAgainOptions {
  readonly topic: string
  readonly group: string
  readonly victim: string
  /** How old an acknowledgement may be that was still on its way. */
  readonly withinMs: number
}

/**
 * Ids that may come again because `victim` was killed: what its handlers ran at that moment, and what they
 * finished so shortly before that it need not have been acknowledged.
 */
export function dueAgain(entries: readonly Entry[], options: DueAgainOptions): ReadonlySet<string> {
  const killedMs = entries.find((entry) => entry.type === 'killed' && entry.victim === options.victim)?.atMs
  if (killedMs === undefined) return new Set()
  const runs = readHistory(entries, options.topic).runs.filter(
    ({ group, member, endMs }) =>
      group === options.group && member === options.victim && endMs >= killedMs - options.withinMs,
  )
  return new Set(runs.map(({ id }) => id))
}
