import type { Entry } from './journal.js'

/** A message that was published. `index` counts the stored ones of its key and publisher, in call order. */
export interface Published {
  readonly id: string
  readonly key: string | undefined
  readonly member: string
  outcome: 'stored' | 'rejected' | 'unknown'
  index: number
}

/** One run of a handler. */
export interface Run {
  readonly id: string
  readonly key: string | undefined
  readonly group: string
  readonly member: string
  readonly startMs: number
  /** `Infinity` while it runs. */
  endMs: number
  /** When its signal aborted. */
  abortMs: number
  result: 'running' | 'succeeded' | 'failed' | 'killed'
}

/** A journal, put together. Runs are in the order of their starts. */
export interface History {
  readonly published: ReadonlyMap<string, Published>
  readonly runs: readonly Run[]
}

/** Entries of one topic, of any number of journals, in any order. */
export function readHistory(entries: readonly Entry[], topic: string): History {
  const published = new Map<string, Published>()
  const runs = new Map<string, Run>()
  const dead = new Set<string>()
  for (const entry of [...entries].sort((a, b) => a.atMs - b.atMs)) {
    switch (entry.type) {
      case 'publishing':
        if (entry.topic !== topic) break
        published.set(entry.id, {
          id: entry.id,
          key: entry.key,
          member: entry.member,
          outcome: 'unknown',
          index: -1,
        })
        break
      case 'settled': {
        const message = entry.topic === topic ? published.get(entry.id) : undefined
        if (message !== undefined) message.outcome = entry.outcome
        break
      }
      case 'started': {
        if (entry.topic !== topic) break
        const { id, group, member, atMs } = entry
        // What counts is the key it was published with, whatever the broker made of it.
        const key = published.has(id) ? published.get(id)?.key : entry.key
        // Between the signal and its death a process may still start something; it runs no longer than that.
        const isDead = dead.has(member)
        const run: Run = {
          ...{ id, key, group, member, startMs: atMs, abortMs: Infinity },
          endMs: isDead ? atMs : Infinity,
          result: isDead ? 'killed' : 'running',
        }
        runs.set(`${member}/${entry.run}`, run)
        break
      }
      case 'ended': {
        const run = runs.get(`${entry.member}/${entry.run}`)
        if (run === undefined) break
        run.endMs = entry.atMs
        run.result = entry.ok ? 'succeeded' : 'failed'
        break
      }
      case 'aborted': {
        const run = runs.get(`${entry.member}/${entry.run}`)
        if (run !== undefined) run.abortMs = entry.atMs
        break
      }
      case 'killed':
        dead.add(entry.victim)
        for (const run of runs.values()) {
          if (run.member !== entry.victim || run.result !== 'running') continue
          run.endMs = entry.atMs
          run.result = 'killed'
        }
        break
    }
  }
  numberStored(published)
  return { published, runs: [...runs.values()] }
}

/** Messages with an unknown outcome have left their key's order: they get no index. */
function numberStored(published: ReadonlyMap<string, Published>): void {
  const next = new Map<string, number>()
  for (const message of published.values()) {
    if (message.outcome !== 'stored' || message.key === undefined) continue
    const sequence = `${message.member}/${message.key}`
    message.index = next.get(sequence) ?? 0
    next.set(sequence, message.index + 1)
  }
}
