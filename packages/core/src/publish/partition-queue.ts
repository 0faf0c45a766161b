import type { Clock, Timer } from '../clock.js'
import type { ErrorCode } from '../error/codes.js'
import { WaybillError } from '../error/waybill-error.js'
import { Fifo } from '../fifo.js'
import type { Backoff } from '../policy/backoff.js'
import type { Outcome, TransportPublisher } from '../transport/transport.js'
import { takeFlight, type BatchLimits } from './accumulator.js'
import type { Entry } from './entry.js'
import type { Flight } from './flight.js'
import { planResend, refit } from './resend.js'

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
  #pushed = 0
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
    entry.place = this.#pushed++
    if (this.#context.failKeyOnGiveUp && entry.orderKey !== undefined)
      entry.whenFailed = (failed, code) => this.#failFollowers(failed, code)
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

  /** Entries without an outcome, in call order. */
  *unsettled(): Generator<Entry> {
    for (const flight of [...this.#window, ...(this.#again ?? [])]) yield* flight.live
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
    for (const flight of this.#window) if (!flight.hasLanded && flight.isSettled) flight.abort.abort()
    if (this.#pause !== undefined && this.#again?.every((flight) => flight.isSettled) === true) this.#resume()
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
      const left = refit(flight, this.#context.idempotentResend)
      if (left !== flight) this.#abandon(flight)
      if (left !== undefined) return this.#launch(publisher, left)
    }
    this.#again = undefined
    this.#tries = 0
    this.#pump()
  }

  #launch(publisher: TransportPublisher, flight: Flight): void {
    flight.hasLanded = false
    flight.isRefusedWhole = false
    for (const entry of flight.entries) entry.inFlight = true
    this.#window.push(flight)
    this.#underWay++
    publisher.send(flight.batch, flight.abort.signal).then(
      (outcomes) => this.#landed(flight, outcomes),
      (error: unknown) =>
        this.#landed(
          flight,
          flight.entries.map(() => notAnswered(error)),
        ),
    )
  }

  #landed(flight: Flight, given: readonly Outcome[]): void {
    const outcomes = flight.entries.map((_, index) => given[index] ?? notAnswered(undefined))
    this.#underWay--
    flight.hasLanded = true
    flight.isRefusedWhole = flight.entries.length > 1 && outcomes.every(isWholeBatch)
    if (outcomes.some((outcome) => outcome.status === 'unknown')) flight.isDoubtful = true
    else if (outcomes.every((outcome) => outcome.status === 'stored')) flight.isDoubtful = false
    flight.entries.forEach((entry, index) => this.#take(entry, outcomes[index]!, flight.isRefusedWhole))
    if (flight.isSettled) this.#abandon(flight)
    else this.#again ??= []
    if (this.#again === undefined) {
      const open = this.#window.findIndex((other) => !other.hasLanded)
      this.#window.splice(0, open === -1 ? this.#window.length : open)
    } else if (this.#underWay === 0) {
      this.#recover(this.#again)
    }
    this.#pump()
  }

  /** Everything has landed after a failure: plans what goes again, ahead of what waited. */
  #recover(again: Flight[]): void {
    const { clock, idempotentResend, backoff, resent } = this.#context
    const { flights, dropped, isRetry } = planResend(this.#window, this.#limits, idempotentResend)
    this.#window = []
    for (const flight of dropped) this.#abandon(flight)
    again.unshift(...flights)
    if (!isRetry) return
    for (const { batch } of flights) resent(batch.topic, batch.partition, batch.records.length)
    this.#pause = clock.after(backoff(++this.#tries), () => this.#resume())
  }

  #resume(): void {
    this.#pause?.cancel()
    this.#pause = undefined
    this.#pump()
  }

  /** Notes one outcome; settles the entry unless it is to be tried again. */
  #take(entry: Entry, outcome: Outcome, isRefusedWhole: boolean): void {
    entry.inFlight = false
    const { transport, retryUnknown } = this.#context
    if (outcome.status === 'stored') {
      entry.isStored = true
      const { topic, partition } = entry
      const { id } = entry.record.attributes
      return entry.stored({ id, topic, partition, position: outcome.position, storedIn: transport })
    }
    const { status, error } = outcome
    entry.lastError = error
    if (status === 'unknown') entry.maybeStored = true
    entry.isRefused = status === 'rejected' || error.code === 'NOT_STORED_EVERYWHERE'
    if (entry.isBehindFailure) return entry.giveUp('EARLIER_OF_KEY_FAILED', behindFailure)
    if (status === 'unknown' ? retryUnknown : error.retryable || isRefusedWhole) return
    const fate = entry.maybeStored ? 'unknown' : 'rejected'
    entry.fail(fate, error.code, error.message, error, status === 'unknown')
  }

  /** This batch will not be sent again: nothing later may be mistaken for it. */
  #abandon(flight: Flight): void {
    if (flight.isDoubtful) this.#publisher?.abandon(flight.batch)
    flight.isDoubtful = false
  }

  /** `onGiveUp: 'fail-key'`: what is in flight may still be stored, but does not go again. */
  #failFollowers(failed: Entry, code: ErrorCode): void {
    if (code === 'EARLIER_OF_KEY_FAILED') return
    for (const later of this.unsettled()) {
      if (later.orderKey !== failed.orderKey || later.place < failed.place) continue
      if (later.inFlight) later.isBehindFailure = true
      else later.giveUp('EARLIER_OF_KEY_FAILED', behindFailure)
    }
  }
}

const behindFailure =
  'an earlier message of its key was given up, and onGiveUp is "fail-key"; publish both again in order.'

const isWholeBatch = (outcome: Outcome): boolean =>
  outcome.status === 'rejected' && outcome.wholeBatch === true

const notAnswered = (cause: unknown): Outcome => ({
  status: 'unknown',
  error: new WaybillError({
    code: 'CONNECTION_LOST',
    message: 'the driver gave no outcome.',
    retryable: true,
    cause,
  }),
})
