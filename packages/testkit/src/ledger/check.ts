import { type History, type Published, type Run, readHistory } from './history.js'
import type { Entry } from './journal.js'

export interface CheckOptions {
  readonly topic: string
  readonly group: string
  /** Ids the group need not get: it is younger than they are, or the test threw them away. */
  readonly excused?: ReadonlySet<string>
}

export interface Verdict {
  /** Publishes that were stored. */
  readonly stored: number
  /** Publishes without a known outcome. */
  readonly unknown: number
  /** Different messages whose handler succeeded. */
  readonly handled: number
  /** Ids that were stored, and whose handler never succeeded. */
  readonly lost: readonly string[]
  /** Ids that ran although they were never published, or surely not stored. */
  readonly unexpected: readonly string[]
  /** Runs that started before an earlier stored message of their key had succeeded. */
  readonly disordered: readonly Conflict[]
  /** Runs of one key at the same time. */
  readonly overlaps: readonly Conflict[]
  /** Overlaps with a run whose signal had aborted: the window that the contract states. */
  readonly abortedOverlaps: readonly Conflict[]
  /** Ids that ran again although no run of theirs had failed; one entry per repetition. */
  readonly duplicates: readonly string[]
}

export interface Conflict {
  readonly key: string
  readonly first: string
  readonly second: string
  readonly members: readonly [string, string]
}

/** What a group made of a topic, by everything that was noted about it. */
export function check(entries: readonly Entry[], options: CheckOptions): Verdict {
  const history = readHistory(entries, options.topic)
  const runs = history.runs.filter((run) => run.group === options.group)
  const succeeded = new Set(runs.filter((run) => run.result === 'succeeded').map((run) => run.id))
  const published = [...history.published.values()]
  const stored = published.filter((message) => message.outcome === 'stored')
  const overlaps = findOverlaps(runs)
  return {
    stored: stored.length,
    unknown: published.filter((message) => message.outcome === 'unknown').length,
    handled: succeeded.size,
    lost: stored.map(({ id }) => id).filter((id) => !succeeded.has(id) && !options.excused?.has(id)),
    unexpected: findUnexpected(history, runs),
    disordered: findDisorder(history, runs),
    overlaps: overlaps.filter(([first, second]) => second.startMs < first.abortMs).map(conflict),
    abortedOverlaps: overlaps.filter(([first, second]) => second.startMs >= first.abortMs).map(conflict),
    duplicates: findDuplicates(runs),
  }
}

function findUnexpected({ published }: History, runs: readonly Run[]): string[] {
  const ids = new Set(runs.map((run) => run.id))
  return [...ids].filter((id) => (published.get(id)?.outcome ?? 'rejected') === 'rejected')
}

function findDuplicates(runs: readonly Run[]): string[] {
  const settled = new Set<string>()
  return runs.flatMap((run) => {
    const again = settled.has(run.id)
    if (run.result !== 'failed') settled.add(run.id)
    return again ? [run.id] : []
  })
}

/** Starts and ends of two processes are compared by clocks that agree this well. */
const CLOCK_SKEW_MS = 2

function findOverlaps(runs: readonly Run[]): (readonly [Run, Run])[] {
  const open = new Map<string, Run[]>()
  return runs.flatMap((run) => {
    if (run.key === undefined) return []
    const skew = (other: Run): number => (other.member === run.member ? 0 : CLOCK_SKEW_MS)
    const still = (open.get(run.key) ?? []).filter((other) => other.endMs > run.startMs + skew(other))
    open.set(run.key, [...still, run])
    return still.map((other) => [other, run] as const)
  })
}

/**
 * A run is out of order if a message before it, of the same key and publisher, succeeds only later.
 * One that never runs at all is lost, and counted there.
 */
function findDisorder({ published }: History, runs: readonly Run[]): Conflict[] {
  const firstSuccess = new Map<string, Run>()
  for (const run of runs) {
    if (run.result === 'succeeded' && !firstSuccess.has(run.id)) firstSuccess.set(run.id, run)
  }
  const sequences = new Map<string, (Published & { index: number })[]>()
  for (const message of published.values()) {
    if (message.index < 0) continue
    const name = `${message.member}/${message.key ?? ''}`
    const sequence = sequences.get(name) ?? []
    sequence.push(message)
    sequences.set(name, sequence)
  }
  const latestBefore = new Map<string, Run>()
  for (const sequence of sequences.values()) {
    let latest: Run | undefined
    for (const { id } of sequence) {
      if (latest !== undefined) latestBefore.set(id, latest)
      const success = firstSuccess.get(id)
      if (success !== undefined && success.endMs > (latest?.endMs ?? -Infinity)) latest = success
    }
  }
  return runs.flatMap((run) => {
    const before = latestBefore.get(run.id)
    if (before === undefined) return []
    const skew = before.member === run.member ? 0 : CLOCK_SKEW_MS
    return before.endMs > run.startMs + skew ? [conflict([before, run])] : []
  })
}

function conflict([first, second]: readonly [Run, Run]): Conflict {
  return { key: second.key ?? '', first: first.id, second: second.id, members: [first.member, second.member] }
}
