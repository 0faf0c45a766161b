import type { Clock, Timer } from '../clock.js'
import { WaybillError } from '../error/waybill-error.js'
import { Fifo } from '../fifo.js'
import type { Backoff } from '../policy/backoff.js'
import type { Outcome, TransportPublisher } from '../transport/transport.js'
import {
  cutFlights,
  isSettled,
  makeFlight,
  takeFlight,
  type BatchLimits,
  type Flight,
} from './accumulator.js'
import type { Entry } from './entry.js'
import { orderSafe } from './resend.js'

/** What every partition's queue shares. */
export interface QueueContext {
  readonly clock: Clock
  readonly transport: string
  readonly pipelined: boolean
  readonly idempotentResend: boolean
  readonly retryUnknown: boolean
  readonly failKeyOnGiveUp: boolean
  readonly backoff: Backoff
  readonly resent: (topic: string, partition: number, messages: number) => void
}

/**
 * The messages of one partition, in call order. Sends one batch at a time, or pipelines where the
 * driver confirms singly. As soon as one try fails nothing new is sent: what is under way is
 * awaited, what may be tried again goes first, one batch at a time, and only then the rest.
 */
export class PartitionQueue {
  readonly #context: QueueContext
  readonly #pending = new Fifo<Entry>()
  /** Under way, in call order; a flight that landed well stays until all before it have. */
  #window: Flight[] = []
  #underWay = 0
  /** After a failure, until all it left over has landed: goes before anything pending. */
  #again: Flight[] | undefined
  #tries = 0
  #pause: Timer | undefined
  #publisher: TransportPublisher | undefined
  #limits: BatchLimits = { messages: 1, bytes: 1, recordBytes: 1 }
  #pumpScheduled = false

  constructor(context: QueueContext) {
    this.#context = context
  }

  push(entry: Entry): void {
    this.#pending.push(entry)
    this.schedule()
  }

  /** What is published in one turn of the caller becomes one batch. */
  schedule(): void {
    if (this.#pumpScheduled || this.#publisher === undefined) return
    this.#pumpScheduled = true
    queueMicrotask(() => {
      this.#pumpScheduled = false
      this.#pump()
    })
  }

  /** The topic exists and the publisher is open. */
  open(publisher: TransportPublisher, limits: BatchLimits): void {
    this.#publisher = publisher
    this.#limits = limits
    this.schedule()
  }

  /** Entries without an outcome, oldest first. */
  *unsettled(): Generator<Entry> {
    for (const flight of [...this.#window, ...(this.#again ?? [])]) {
      for (const entry of flight.entries) if (!entry.isSettled) yield entry
    }
    for (const entry of this.#pending) if (!entry.isSettled) yield entry
  }

  /** Gives up every entry past its deadline. What is under way may still be stored later. */
  expire(now: number): void {
    const why =
      'publishTimeoutMs passed without an answer from the broker; status() says what is wrong. republish() sends it again.'
    for (const entry of [...this.unsettled()])
      if (entry.deadline <= now) this.giveUp(entry, 'PUBLISH_TIMEOUT', why)
  }

  /** Settles an entry as what it is by now, and what follows of its key as `onGiveUp` says. */
  giveUp(entry: Entry, code: 'PUBLISH_TIMEOUT' | 'PUBLISH_ABORTED' | 'CLOSED', why: string): void {
    entry.giveUp(code, why)
    this.#gaveUp(entry)
    for (const flight of this.#window) if (!flight.landed && isSettled(flight)) flight.abort.abort()
    if (this.#pause !== undefined && this.#again?.every(isSettled) === true) this.#resume()
  }

  #pump(): void {
    const publisher = this.#publisher
    if (publisher === undefined || this.#pause !== undefined) return
    if (this.#again !== undefined) {
      if (this.#underWay === 0) this.#sendAgain(publisher, this.#again)
      return
    }
    while (this.#underWay === 0 || this.#context.pipelined) {
      const flight = takeFlight(this.#pending, this.#limits)
      if (flight === undefined) return
      this.#launch(publisher, flight)
    }
  }

  #sendAgain(publisher: TransportPublisher, again: Flight[]): void {
    for (let flight = again.shift(); flight !== undefined; flight = again.shift()) {
      if (!isSettled(flight)) return this.#launch(publisher, flight)
      this.#abandon(flight)
    }
    this.#again = undefined
    this.#tries = 0
    this.#pump()
  }

  #launch(publisher: TransportPublisher, flight: Flight): void {
    flight.landed = false
    for (const entry of flight.entries) entry.inFlight = true
    this.#window.push(flight)
    this.#underWay++
    publisher.send(flight.batch, flight.abort.signal).then(
      (outcomes) => this.#landed(flight, outcomes),
      (error: unknown) =>
        this.#landed(
          flight,
          flight.entries.map(() => ({ status: 'unknown', error: notAnswered(error) })),
        ),
    )
  }

  #landed(flight: Flight, outcomes: readonly Outcome[]): void {
    flight.landed = true
    this.#underWay--
    const several = flight.entries.length > 1
    flight.entries.forEach((entry, index) =>
      this.#take(entry, outcomes[index] ?? { status: 'unknown', error: notAnswered(undefined) }, several),
    )
    if (isSettled(flight)) this.#abandon(flight)
    else this.#again ??= []
    if (this.#again === undefined) {
      const open = this.#window.findIndex((other) => !other.landed)
      this.#window.splice(0, open === -1 ? this.#window.length : open)
    } else if (this.#underWay === 0) {
      this.#recover(this.#again, outcomes)
    }
    this.#pump()
  }

  /** Everything has landed after a failure: plans what goes again, ahead of what waited. */
  #recover(again: Flight[], outcomes: readonly Outcome[]): void {
    const landed = this.#window
    this.#window = []
    const failed = landed.filter((flight) => !isSettled(flight))
    if (failed.length === 0) return
    const halves = this.#halves(failed, outcomes)
    again.unshift(...(halves ?? this.#plan(landed, failed)))
    if (halves === undefined)
      this.#pause = this.#context.clock.after(this.#context.backoff(++this.#tries), () => this.#resume())
  }

  #resume(): void {
    this.#pause?.cancel()
    this.#pause = undefined
    this.#pump()
  }

  /** The broker refused a whole batch for what may be the fault of one record: the halves go one after the other. */
  #halves([flight, ...others]: readonly Flight[], outcomes: readonly Outcome[]): Flight[] | undefined {
    const refused = outcomes.every((outcome) => outcome.status === 'rejected' && outcome.wholeBatch === true)
    const live = flight?.entries.filter((entry) => !entry.isSettled) ?? []
    if (flight === undefined || others.length > 0 || flight.entries.length < 2 || !refused) return undefined
    const middle = Math.ceil(live.length / 2)
    return [live.slice(0, middle), live.slice(middle)].filter((half) => half.length > 0).map(makeFlight)
  }

  /** What goes again, and as what: the identical batches, or marked records that keep call order. */
  #plan(landed: readonly Flight[], failed: readonly Flight[]): readonly Flight[] {
    const flights = this.#context.idempotentResend
      ? failed
      : this.#marked(orderSafe(landed.flatMap((flight) => flight.entries)))
    for (const { batch } of flights) this.#context.resent(batch.topic, batch.partition, batch.records.length)
    return flights
  }

  #marked(entries: readonly Entry[]): Flight[] {
    for (const entry of entries) if (entry.maybeStored) entry.mark()
    return cutFlights(entries, this.#limits)
  }

  /** Notes one outcome; settles the entry unless it is to be tried again. */
  #take(entry: Entry, outcome: Outcome, several: boolean): void {
    entry.inFlight = false
    if (outcome.status === 'stored') {
      entry.isStored = true
      const { id } = entry.record.attributes
      entry.stored({
        id,
        topic: entry.topic,
        partition: entry.partition,
        position: outcome.position,
        storedIn: this.#context.transport,
      })
      return
    }
    const { error } = outcome
    entry.lastError = error
    if (outcome.status === 'unknown') entry.maybeStored = true
    const halvable = several && outcome.status === 'rejected' && outcome.wholeBatch === true
    const again = outcome.status === 'unknown' ? this.#context.retryUnknown : error.retryable || halvable
    if (again || entry.isSettled) return
    entry.fail(
      entry.maybeStored ? 'unknown' : 'rejected',
      error.code,
      error.message,
      error,
      outcome.status === 'unknown',
    )
    this.#gaveUp(entry)
  }

  /** Nobody waits for this flight any more: what is sent later must not be mistaken for it. */
  #abandon(flight: Flight): void {
    if (flight.entries.some((entry) => entry.maybeStored && !entry.isStored))
      this.#publisher?.abandon(flight.batch)
  }

  #gaveUp(entry: Entry): void {
    if (!this.#context.failKeyOnGiveUp || entry.orderKey === undefined) return
    for (const later of this.#pending) {
      if (later.orderKey !== entry.orderKey || later.isSettled) continue
      const why = `message ${entry.record.attributes.id} of the same key was given up, and onGiveUp is "fail-key".`
      later.fail('rejected', 'EARLIER_OF_KEY_FAILED', why, undefined, true)
    }
  }
}

const notAnswered = (cause: unknown): WaybillError =>
  new WaybillError({
    code: 'CONNECTION_LOST',
    message: 'the driver gave no outcome.',
    retryable: true,
    cause,
  })
