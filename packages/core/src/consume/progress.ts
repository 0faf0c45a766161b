import type { Assignment, Progress } from '../transport/membership.js'
import type { Delivery } from './delivery.js'
import { decodeProgress, encodeProgress, type ProgressRecord } from './progress-codec.js'

/** What is kept of a finished message until the broker knows. */
export interface FinishedRef {
  readonly position: number
  readonly id: string | undefined
}

/**
 * How far one holding of a partition is done: the watermark is the lowest unfinished delivered
 * position, or where reading goes on when none is open, so that holes never hold it back.
 */
export class PartitionProgress {
  readonly #logId: string
  readonly #maxBytes: number
  readonly #recorded: ProgressRecord | undefined
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
    else this.#recorded = decoded
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
    let end = recorded.base
    for (const [index, length] of recorded.runs.entries()) {
      end += length
      if (position < end) return { finished: index % 2 === 1, attempts: recorded.attempts.get(position) ?? 0 }
    }
    return { finished: false, attempts: recorded.attempts.get(position) ?? 0 }
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
    // Room for what may still finish before the next check.
    this.#isFull = next !== undefined && !this.#encode(next, this.#maxBytes - 512).complete
  }

  #encode(base: number, maxBytes = this.#maxBytes): { text: string; complete: boolean } {
    const runs: number[] = []
    const attempts = new Map<number, number>()
    let at = base
    for (const delivery of this.unfinishedDeliveries()) {
      const { position } = delivery
      if (position > at) runs.push(position - at, 1)
      else if (runs.length === 0) runs.push(1)
      else runs[runs.length - 1]!++
      at = position + 1
      if (delivery.attempts > 0) attempts.set(position, delivery.attempts)
    }
    if (this.#top !== undefined && this.#top > at) runs.push(this.#top - at)
    // The first delivered position is unfinished, so the runs start with an unfinished one.
    return encodeProgress({ base, logId: this.#logId, runs, attempts }, maxBytes)
  }
}
