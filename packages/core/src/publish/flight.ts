import type { Batch, OutgoingRecord } from '../transport/record.js'
import type { Entry } from './entry.js'

/** A batch on its way and the messages in it. */
export class Flight {
  readonly batch: Batch
  readonly entries: readonly Entry[]
  /** Aborts when nobody waits for it any more. */
  readonly abort: AbortController = new AbortController()
  /** Whether the driver has answered the latest try. */
  hasLanded = false
  /** Whether a try of this very batch may have stored it. */
  isDoubtful = false
  /** Whether the broker refused the batch for what may be the fault of one message. */
  isRefusedWhole = false

  constructor(entries: readonly Entry[]) {
    const [first] = entries
    if (first === undefined) throw new RangeError('a flight has at least one message')
    const records: OutgoingRecord[] = entries.map((entry) => entry.record)
    this.batch = { topic: first.topic, partition: first.partition, records }
    this.entries = entries
  }

  get isSettled(): boolean {
    return this.entries.every((entry) => entry.isSettled)
  }

  /** What waits for an outcome. */
  get live(): Entry[] {
    return this.entries.filter((entry) => !entry.isSettled)
  }

  /** Whether the identical batch may go again: nothing in it was promised not to be stored. */
  get mayRepeat(): boolean {
    return this.entries.every((entry) => !entry.isSettled || entry.maybeStored || entry.isStored)
  }
}
