import type { Batch, Outcome } from '@waybill/core/spi'

const stored: Outcome = { status: 'stored' }

/** One batch on its way: what has become of each record so far. */
export class Sending {
  readonly batch: Batch
  /** Resolves when every record has its outcome. */
  readonly settled: Promise<readonly Outcome[]>
  /** Index of the first record that was not written to the connection. */
  next = 0
  /** Records that the broker returned; its confirm for them means nothing. */
  #returned: Set<number> | undefined
  readonly #outcomes: (Outcome | undefined)[]
  #open: number
  #resolve: (outcomes: readonly Outcome[]) => void = () => undefined

  constructor(batch: Batch) {
    this.batch = batch
    this.#open = batch.records.length
    this.#outcomes = Array.from({ length: this.#open })
    this.settled = new Promise((resolve) => (this.#resolve = resolve))
    if (this.#open === 0) this.#resolve([])
  }

  get isSettled(): boolean {
    return this.#open === 0
  }

  get isWritten(): boolean {
    return this.next >= this.batch.records.length
  }

  /** Whether a record was written and its outcome is open. */
  isInFlight(index: number): boolean {
    return index < this.next && this.#outcomes[index] === undefined
  }

  /** The first outcome of a record counts. */
  settle(index: number, outcome: Outcome): void {
    if (this.#outcomes[index] !== undefined) return
    this.#outcomes[index] = outcome
    this.#open--
    if (this.#open === 0) this.#resolve(this.#outcomes as readonly Outcome[])
  }

  stored(index: number): void {
    this.settle(index, stored)
  }

  /** Settles what was not written, so that nothing of it is ever sent. */
  settleUnwritten(outcome: Outcome): void {
    for (; this.next < this.batch.records.length; this.next++) this.settle(this.next, outcome)
  }

  /** Settles everything that is still open. */
  settleRest(inFlight: Outcome, unwritten: Outcome): void {
    for (let index = 0; index < this.next; index++) this.settle(index, inFlight)
    this.settleUnwritten(unwritten)
  }

  /** Marks the first record in flight with this id as returned; tells whether there was one. */
  markReturned(id: string): boolean {
    const index = this.batch.records.findIndex(
      (record, at) => record.attributes.id === id && this.isInFlight(at) && this.#returned?.has(at) !== true,
    )
    if (index === -1) return false
    this.#returned ??= new Set()
    this.#returned.add(index)
    return true
  }

  wasReturned(index: number): boolean {
    return this.#returned?.has(index) === true
  }
}
