import { appendFileSync, readFileSync } from 'node:fs'

/** What a process notes in the moment it happens. */
export type Event =
  | {
      readonly type: 'publishing'
      readonly topic: string
      readonly id: string
      readonly key: string | undefined
    }
  | {
      readonly type: 'settled'
      readonly topic: string
      readonly id: string
      readonly outcome: 'stored' | 'rejected' | 'unknown'
    }
  | {
      readonly type: 'started'
      readonly topic: string
      readonly group: string
      readonly id: string
      readonly key: string | undefined
      /** Names this run of the handler; unique in its member. */
      readonly run: number
    }
  /** The handler of a run came to its end; `ok`: it did not throw. */
  | { readonly type: 'ended'; readonly run: number; readonly ok: boolean }
  /** The signal of a run aborted: from here on nobody relies on it. */
  | { readonly type: 'aborted'; readonly run: number }
  /** Noted by whoever kills `victim`, just before: its open runs end here. */
  | { readonly type: 'killed'; readonly victim: string }

/** An event with who noted it, and when. */
export type Entry = Event & {
  readonly member: string
  /** Milliseconds since the Unix epoch, from the monotonic clock: comparable between processes of one machine. */
  readonly atMs: number
}

/** Where a process notes what it does. */
export interface Journal {
  readonly member: string
  note(event: Event): void
}

const nowMs = (): number => performance.timeOrigin + performance.now()

/** A journal in memory; several members may share one list. */
export function listJournal(member: string, entries: Entry[]): Journal {
  return { member, note: (event) => void entries.push({ ...event, member, atMs: nowMs() }) }
}

/**
 * A journal in a file that several processes may share. Every entry is one line, appended before `note`
 * returns: what a process did before it was killed is there.
 */
export function fileJournal(member: string, file: string): Journal {
  return {
    member,
    note: (event) => appendFileSync(file, `${JSON.stringify({ ...event, member, atMs: nowMs() })}\n`),
  }
}

/** Reads a file of `fileJournal`. A last line that a killed process left incomplete is dropped. */
export function readJournal(file: string): Entry[] {
  const lines = readFileSync(file, 'utf8').split('\n')
  return lines.slice(0, -1).map((line) => JSON.parse(line) as Entry)
}
