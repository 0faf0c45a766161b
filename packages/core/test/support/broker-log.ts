import type { Batch, Outcome, OutgoingRecord } from '../../src/spi.js'
import { hasMark, republishedMark } from '../../src/message/marks.js'
import {
  notEverywhere,
  rejected,
  retryable,
  stored,
  unknown,
  wholeBatch,
  type FakeSend,
} from './fake-publisher.js'
import type { VirtualClock } from './virtual-clock.js'

export type FateKind =
  | 'stored'
  | 'reply cut'
  | 'request lost'
  | 'rejected'
  | 'retryable'
  | 'whole batch'
  | 'mixed'
  | 'hangs'

/** What becomes of one try. */
export interface Fate {
  readonly kind: FateKind
  readonly delayMs: number
}

export interface Logged {
  readonly id: string
  readonly key: string
  readonly marked: boolean
}

/** A partition of a broker that fails as `fates` say, one try after the other, and then no more. */
export class BrokerLog {
  readonly log: Logged[] = []
  /** What a broker could not have got right. */
  readonly faults: string[] = []
  readonly #clock: VirtualClock
  readonly #fates: Fate[]
  readonly #idempotent: boolean
  readonly #kept = new WeakSet<Batch>()
  readonly #doubtful = new Set<string>()
  readonly #lost = new Set<FakeSend>()
  /** The batch whose sequence number the broker may have. */
  #suspect: Batch | undefined

  constructor(clock: VirtualClock, fates: readonly Fate[], idempotent: boolean) {
    this.#clock = clock
    this.#fates = [...fates]
    this.#idempotent = idempotent
  }

  take(send: FakeSend): void {
    const { batch } = send
    if (this.#suspect !== undefined && this.#suspect !== batch)
      this.faults.push(`${send.ids.join(' ')} would be taken for the batch before it`)
    for (const record of batch.records) {
      const again = this.#doubtful.has(record.attributes.id)
      if (!this.#idempotent && again && !isMarked(record))
        this.faults.push(`${record.attributes.id} was sent again without a mark`)
    }
    const fate = this.#fateOf(send)
    if (fate.kind === 'hangs') {
      send.signal.addEventListener('abort', () => this.#answer(send, this.#store(batch, 'reply cut')))
      return
    }
    const outcomes = this.#store(batch, fate.kind)
    this.#clock.after(fate.delayMs, () => this.#answer(send, outcomes))
  }

  abandon(batch: Batch): void {
    if (this.#suspect === batch) this.#suspect = undefined
  }

  /** What goes into a lost connection is lost, until all that was lost with it has been answered. */
  #fateOf(send: FakeSend): Fate {
    const next = this.#fates.shift() ?? { kind: 'stored', delayMs: 1 }
    if (this.#lost.size === 0 && next.kind !== 'request lost') return next
    this.#lost.add(send)
    return { ...next, kind: 'request lost' }
  }

  /** What arrives is stored in the order of arrival; the answer may take longer. */
  #store(batch: Batch, kind: FateKind): readonly Outcome[] {
    const outcomes = batch.records.map((record, index) => this.#outcome(kind, record, index))
    if (kind === 'reply cut' || kind === 'stored') this.#keep(batch)
    return outcomes
  }

  #answer(send: FakeSend, outcomes: readonly Outcome[]): void {
    const { batch } = send
    this.#lost.delete(send)
    if (this.#idempotent) {
      if (outcomes.some((outcome) => outcome.status === 'unknown')) this.#suspect = batch
      else if (outcomes.every((outcome) => outcome.status === 'stored')) this.#suspect = undefined
    }
    outcomes.forEach((outcome, index) => {
      if (outcome.status === 'unknown') this.#doubtful.add(batch.records[index]!.attributes.id)
    })
    send.answer(...outcomes)
  }

  #outcome(kind: FateKind, record: OutgoingRecord, index: number): Outcome {
    switch (kind) {
      case 'stored':
        return stored
      case 'rejected':
        return rejected
      case 'retryable':
        return retryable
      case 'whole batch':
        return wholeBatch
      case 'mixed':
        return this.#mixed(record, index)
      default:
        return unknown
    }
  }

  /** Kafka refuses a batch and names some records; RabbitMQ confirms one by one. */
  #mixed(record: OutgoingRecord, index: number): Outcome {
    if (this.#idempotent) return index % 2 === 0 ? retryable : rejected
    if (index % 3 === 0) return retryable
    if (index % 3 === 1) return notEverywhere
    this.log.push(logged(record))
    return stored
  }

  #keep(batch: Batch): void {
    if (this.#idempotent && this.#kept.has(batch)) return
    this.#kept.add(batch)
    for (const record of batch.records) this.log.push(logged(record))
  }
}

const isMarked = (record: OutgoingRecord): boolean => hasMark(record.headers, republishedMark)

const logged = (record: OutgoingRecord): Logged => ({
  id: record.attributes.id,
  key: Buffer.from(record.key ?? []).toString(),
  marked: isMarked(record),
})
