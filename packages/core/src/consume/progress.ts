import type { Assignment, Progress } from '../transport/membership.js'
import type { Delivery } from './delivery.js'
import { decodeProgress, encodeProgress, type ProgressRecord } from './progress-codec.js'

/** What is kept of a finished message until the broker knows. */
export interface FinishedRef {
  readonly position: number
  readonly id: string | undefined
}

/** For what may still finish before the next check. */
const headroomBytes = 512

/**
 * How far one holding of a partition is done: the watermark is the lowest unfinished delivered
 * position, or where reading goes on when none is open, so that holes never hold it back.
 */
export class PartitionProgress {
  readonly #logId: string
  readonly #maxBytes: number
  readonly #recorded: ProgressRecord | undefined
  /** Nothing is recorded from here on. */
  readonly #recordedEnd: number = 0
  /** Why the record that came with the assignment was not used. */
  readonly ignored: string | undefined
  /** In order; finished ones stay until they are at the head or too many. */
  #open: Delivery[] = []
  #head = 0
  #finishedInOpen = 0
  #unfinished = 0
  #top: number | undefined
  /** Finished since the last snapshot. */
  #fresh: FinishedRef[] = []
  #sinceCheck = 0
  #isFull = false

  constructor(assignment: Assignment, maxBytes: number) {
    this.#logId = assignment.logId
    this.#maxBytes = maxBytes
    this.#top = assignment.position
    const { record = '', position } = assignment
    if (record === '' || maxBytes === 0) return
    const decoded = decodeProgress(record)
    if (typeof decoded === 'string') this.ignored = decoded
    else if (decoded.base !== position)
      this.ignored = `it belongs to position ${decoded.base}, and the group is at ${position}`
    else if (decoded.logId !== assignment.logId) this.ignored = 'the topic was made anew since it was written'
    else {
      this.#recorded = decoded
      this.#recordedEnd = decoded.runs.reduce((end, length) => end + length, decoded.base)
    }
  }

  get unfinished(): number {
    return this.#unfinished
  }

  /** Whether what is finished above the watermark no longer fits the record: nothing but the oldest may start. */
  get isFull(): boolean {
    return this.#isFull
  }

  get hasFresh(): boolean {
    return this.#fresh.length > 0
  }

  /** Position below which everything is finished; `undefined` before the first record of a log without positions. */
  get next(): number | undefined {
    this.#advance()
    return this.#open[this.#head]?.position ?? this.#top
  }

  get oldest(): Delivery | undefined {
    this.#advance()
    return this.#open[this.#head]
  }

  /** Whether an earlier holding finished this position, and how often it was started if not. */
  recall(position: number): { readonly finished: boolean; readonly attempts: number } {
    const recorded = this.#recorded
    if (recorded === undefined) return { finished: false, attempts: 0 }
    const attempts = recorded.attempts.get(position) ?? 0
    let end = recorded.base
    for (let run = 0; run < recorded.runs.length && position < this.#recordedEnd; run++) {
      end += recorded.runs[run]!
      if (position < end) return { finished: run % 2 === 1, attempts }
    }
    return { finished: false, attempts }
  }

  add(delivery: Delivery): void {
    this.#open.push(delivery)
    this.#unfinished++
  }

  /** Reading goes on at `next`. */
  reach(next: number): void {
    this.#top = Math.max(this.#top ?? 0, next)
  }

  finish(delivery: Delivery): void {
    delivery.isFinished = true
    this.#unfinished--
    this.#finishedInOpen++
    this.#fresh.push({ position: delivery.position, id: delivery.id })
    if (this.#finishedInOpen > 256 && this.#finishedInOpen * 2 > this.#open.length - this.#head)
      this.#compact()
    if (this.#maxBytes > 0 && (++this.#sinceCheck >= 64 || this.#isFull)) this.#check()
  }

  /** What to acknowledge now, of what `takeFresh` gave. */
  snapshot(fresh: readonly FinishedRef[]): Progress | undefined {
    const next = this.next
    if (next === undefined) return undefined
    const finished = fresh
      .map((ref) => ref.position)
      .filter((position) => position >= next)
      .sort((a, b) => a - b)
    if (this.#maxBytes > 0) this.#check()
    return { next, finished, record: this.#maxBytes === 0 ? '' : this.#encode(next).text }
  }

  /** Finished since the last call. The caller has it acknowledged, or puts it back. */
  takeFresh(): FinishedRef[] {
    const fresh = this.#fresh
    this.#fresh = []
    return fresh
  }

  putBack(fresh: readonly FinishedRef[]): void {
    this.#fresh = [...fresh, ...this.#fresh]
  }

  *unfinishedDeliveries(): Generator<Delivery> {
    for (let i = this.#head; i < this.#open.length; i++) {
      const delivery = this.#open[i]!
      if (!delivery.isFinished) yield delivery
    }
  }

  #advance(): void {
    while (this.#open[this.#head]?.isFinished === true) {
      this.#head++
      this.#finishedInOpen--
    }
    if (this.#head > 1_024 && this.#head * 2 > this.#open.length) {
      this.#open = this.#open.slice(this.#head)
      this.#head = 0
    }
  }

  #compact(): void {
    this.#open = [...this.unfinishedDeliveries()]
    this.#head = 0
    this.#finishedInOpen = 0
  }

  #check(): void {
    this.#sinceCheck = 0
    const next = this.next
    const room = this.#maxBytes - Math.min(headroomBytes, this.#maxBytes / 8)
    this.#isFull = next !== undefined && !this.#encode(next, room).complete
  }

  #encode(base: number, maxBytes = this.#maxBytes): { text: string; complete: boolean } {
    const runs = new Runs(base)
    const attempts = new Map<number, number>()
    for (const delivery of this.unfinishedDeliveries()) {
      const { position } = delivery
      runs.reach(position, true)
      runs.reach(position + 1, false)
      if (delivery.attempts > 0) attempts.set(position, delivery.attempts)
    }
    runs.reach(this.#top ?? base, true)
    this.#addRecorded(runs, attempts)
    return encodeProgress({ base, logId: this.#logId, runs: runs.lengths, attempts }, maxBytes)
  }

  /** What an earlier holding recorded of messages that have not come again yet. */
  #addRecorded(runs: Runs, attempts: Map<number, number>): void {
    const recorded = this.#recorded
    if (recorded === undefined || runs.end >= this.#recordedEnd) return
    for (const [position, count] of recorded.attempts) if (position >= runs.end) attempts.set(position, count)
    let end = recorded.base
    for (const [index, length] of recorded.runs.entries()) runs.reach((end += length), index % 2 === 1)
  }
}

/** Lengths of unfinished and finished runs in turn. */
class Runs {
  readonly lengths: number[] = [0]
  end: number

  constructor(base: number) {
    this.end = base
  }

  /** All from the end to `position` is finished, or is not. */
  reach(position: number, isFinished: boolean): void {
    const length = position - this.end
    if (length <= 0) return
    this.end = position
    if ((this.lengths.length % 2 === 0) === isFinished) this.lengths[this.lengths.length - 1]! += length
    else this.lengths.push(length)
  }
}
