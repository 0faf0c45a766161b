import { WaybillError } from '../../src/error/waybill-error.js'
import type { Batch, Outcome, TransportPublisher } from '../../src/spi.js'

export type Answering = (send: FakeSend) => void

/** One try to send a batch, until it is answered. */
export class FakeSend {
  readonly batch: Batch
  readonly signal: AbortSignal
  isAnswered = false
  readonly #resolve: (outcomes: readonly Outcome[]) => void

  constructor(batch: Batch, signal: AbortSignal, resolve: (outcomes: readonly Outcome[]) => void) {
    this.batch = batch
    this.signal = signal
    this.#resolve = resolve
  }

  get ids(): string[] {
    return this.batch.records.map((record) => record.attributes.id)
  }

  get bodies(): string[] {
    return this.batch.records.map((record) => Buffer.from(record.body ?? []).toString())
  }

  /** One outcome for each record, or one for all. */
  answer(...outcomes: Outcome[]): void {
    this.isAnswered = true
    this.#resolve(this.batch.records.map((_, index) => outcomes[index] ?? outcomes.at(-1)!))
  }
}

export const stored: Outcome = { status: 'stored' }
export const unknown: Outcome = { status: 'unknown', error: lost('the reply was cut off.') }
export const notEverywhere: Outcome = {
  status: 'unknown',
  error: new WaybillError({
    code: 'NOT_STORED_EVERYWHERE',
    retryable: true,
    message: 'one group refused it.',
  }),
}
export const retryable: Outcome = { status: 'rejected', error: lost('no leader.') }
export const rejected: Outcome = { status: 'rejected', error: refused() }
export const wholeBatch: Outcome = { status: 'rejected', error: refused(), wholeBatch: true }

function lost(message: string): WaybillError {
  return new WaybillError({ code: 'CONNECTION_LOST', retryable: true, message })
}

function refused(): WaybillError {
  return new WaybillError({ code: 'REJECTED_BY_BROKER', message: 'the broker refused it.' })
}

export class FakePublisher implements TransportPublisher {
  readonly sends: FakeSend[] = []
  readonly abandoned: Batch[] = []
  readonly #answering: Answering | undefined
  readonly #onAbandon: (batch: Batch) => void
  readonly #wrote: (call: string) => void

  constructor(
    answering: Answering | undefined,
    onAbandon: (batch: Batch) => void,
    wrote: (call: string) => void,
  ) {
    this.#answering = answering
    this.#onAbandon = onAbandon
    this.#wrote = wrote
  }

  /** Sends that wait for the test's answer. */
  get waiting(): FakeSend[] {
    return this.sends.filter((send) => !send.isAnswered)
  }

  send(batch: Batch, signal: AbortSignal): Promise<readonly Outcome[]> {
    this.#wrote(`send ${batch.records.map((record) => record.attributes.id).join(' ')}`)
    return new Promise((resolve) => {
      const send = new FakeSend(batch, signal, resolve)
      this.sends.push(send)
      this.#answering?.(send)
    })
  }

  abandon(batch: Batch): void {
    this.#wrote(`abandon ${batch.records.map((record) => record.attributes.id).join(' ')}`)
    this.abandoned.push(batch)
    this.#onAbandon(batch)
  }

  close(): Promise<void> {
    this.#wrote('close publisher')
    return Promise.resolve()
  }
}
