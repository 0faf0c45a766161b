import { PublishError, type PublishFailure } from '../error/kinds.js'
import type { ErrorCode } from '../error/codes.js'
import { hasMark, republishedMark } from '../message/marks.js'
import type { OutgoingRecord } from '../transport/record.js'
import type { Receipt } from './receipt.js'

export interface EntryInit {
  readonly record: OutgoingRecord
  readonly sizeBytes: number
  readonly topic: string
  readonly partition: number
  readonly enqueuedAt: number
  readonly deadline: number
  /** Settles the caller's promise. Called once. */
  readonly settled: (entry: Entry, result: Receipt | PublishError) => void
  /** Of a message that is published again: whether it may be stored from before. */
  readonly maybeStored: boolean
  /** Sends it as a new message of the same partition, where its twin is recognised. */
  readonly republish: (record: OutgoingRecord) => Promise<Receipt>
}

/** One message on its way to the broker: it keeps its place in its partition until it is settled. */
export class Entry {
  record: OutgoingRecord
  readonly sizeBytes: number
  readonly topic: string
  readonly partition: number
  readonly enqueuedAt: number
  readonly deadline: number
  /** The key's bytes as text: what order is kept by. `undefined`: none is. */
  readonly orderKey: string | undefined
  /** Whether its schema has answered. */
  ready = true
  /** Whether any try may have stored it. */
  maybeStored: boolean
  /** Whether the broker said that it is stored, be it after the caller was told otherwise. */
  isStored = false
  /** Whether the latest answer was that it is not stored, or not for every group. */
  isRefused = false
  /** Whether it was handed to the driver and the driver has not answered. */
  inFlight = false
  /** Whether an earlier message of its key was given up while it was in flight, and it must not go again. */
  isBehindFailure = false
  /** What went wrong at the last try. */
  lastError: unknown
  /** Its number in its partition's call order. */
  place = 0
  /** Told when it fails. */
  whenFailed: ((entry: Entry, code: ErrorCode) => void) | undefined
  #isSettled = false
  readonly #init: EntryInit

  constructor(init: EntryInit) {
    this.#init = init
    this.record = init.record
    this.sizeBytes = init.sizeBytes
    this.topic = init.topic
    this.partition = init.partition
    this.enqueuedAt = init.enqueuedAt
    this.deadline = init.deadline
    this.maybeStored = init.maybeStored
    const { key } = init.record
    this.orderKey =
      key === null ? undefined : Buffer.from(key.buffer, key.byteOffset, key.byteLength).toString('latin1')
  }

  get isSettled(): boolean {
    return this.#isSettled
  }

  /** From now on its bytes say that there may be two of it. */
  mark(): void {
    this.record = marked(this.record)
  }

  stored(receipt: Receipt): void {
    this.#settle(receipt)
  }

  /** Fails as the outcome it really has: unknown once any try may have stored it. */
  giveUp(code: ErrorCode, why: string, cause: unknown = this.lastError): void {
    this.fail(this.maybeStored || this.inFlight ? 'unknown' : 'rejected', code, why, cause, true)
  }

  /** Fails for good: this try was surely not stored. */
  refuse(code: ErrorCode, why: string, cause: unknown): void {
    this.fail(this.maybeStored ? 'unknown' : 'rejected', code, why, cause, false)
  }

  fail(outcome: PublishFailure, code: ErrorCode, why: string, cause: unknown, retryable: boolean): void {
    if (this.#isSettled) return
    const { record, topic, partition } = this
    this.maybeStored ||= outcome === 'unknown'
    const fate = outcome === 'rejected' ? 'was not stored' : 'may or may not be stored'
    this.#settle(
      new PublishError({
        code,
        outcome,
        retryable,
        id: record.attributes.id,
        topic,
        partition,
        message: `Message ${record.attributes.id} ${fate} in topic "${topic}", partition ${partition}: ${why}`,
        ...(cause === undefined ? {} : { cause }),
        republish: () => this.#init.republish(marked(record)),
      }),
    )
    this.whenFailed?.(this, code)
  }

  failWith(error: PublishError): void {
    this.#settle(error)
  }

  #settle(result: Receipt | PublishError): void {
    if (this.#isSettled) return
    this.#isSettled = true
    this.#init.settled(this, result)
  }
}

const marked = (record: OutgoingRecord): OutgoingRecord =>
  hasMark(record.headers, republishedMark)
    ? record
    : { ...record, headers: [...record.headers, [republishedMark, '1']] }
