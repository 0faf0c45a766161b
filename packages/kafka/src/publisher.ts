import type { Batch, Outcome, TransportPublisher } from '@waybill/core/spi'
import {
  isMissingTopic,
  type KafkaClient,
  KafkaFailure,
  type ProducerIdentity,
} from './client/kafka-client.js'
import type { DeclaredTopics } from './declared-topics.js'
import { toWire } from './headers.js'
import { outcomeOf } from './outcome.js'
import { leaderMoved } from './patience.js'
import { encodeRecordBatch, type WireRecord } from './wire/record-batch.js'

/** One producer's sequence on one partition. */
interface Sequence {
  readonly producer: ProducerIdentity
  next: number
}

/** A batch on its way: always the same bytes, until it is surely not stored. */
interface Sending {
  readonly sequence: Sequence
  readonly bytes: Buffer
  /** An earlier try may have been stored: nothing but the broker's yes settles it. */
  mayBeStored: boolean
}

interface Attempt {
  isGivenUp: boolean
}

// The broker wraps sequences at 2^31; a new producer id well before is simpler than wrapping with it.
const lastSequence = 2 ** 31 - 100_000
const sequenceLost = [
  'OUT_OF_ORDER_SEQUENCE_NUMBER',
  'UNKNOWN_PRODUCER_ID',
  'INVALID_PRODUCER_EPOCH',
  'PRODUCER_FENCED',
  'INVALID_PRODUCER_ID_MAPPING',
]

/**
 * Sends each batch as one request of one partition, with a producer's sequence, so that the broker
 * stores it once however often it is sent. Relies on the engine for one batch at a time per partition.
 */
export class KafkaPublisher implements TransportPublisher {
  readonly #client: KafkaClient
  readonly #topics: DeclaredTopics
  readonly #secrets: readonly string[]
  readonly #sequences = new Map<string, Sequence>()
  readonly #sending = new WeakMap<Batch, Sending>()
  readonly #underWay = new Set<Promise<unknown>>()
  #producer: Promise<ProducerIdentity> | undefined

  constructor(client: KafkaClient, topics: DeclaredTopics, secrets: readonly string[]) {
    this.#client = client
    this.#topics = topics
    this.#secrets = secrets
  }

  send(batch: Batch, signal: AbortSignal): Promise<readonly Outcome[]> {
    const attempt: Attempt = { isGivenUp: false }
    const trying = this.#try(batch, attempt)
    this.#underWay.add(trying)
    return new Promise((resolve) => {
      const giveUp = (): void => {
        attempt.isGivenUp = true
        resolve(this.#givenUp(batch))
      }
      signal.addEventListener('abort', giveUp, { once: true })
      if (signal.aborted) giveUp()
      void trying.then((outcomes) => {
        signal.removeEventListener('abort', giveUp)
        this.#underWay.delete(trying)
        resolve(outcomes)
      })
    })
  }

  /** The sequence ends here: the broker would take a later batch with the same numbers for this one (KIP-98). */
  abandon(batch: Batch): void {
    const sending = this.#sending.get(batch)
    this.#sending.delete(batch)
    if (sending === undefined) return
    this.#retire(batch, sending.sequence)
  }

  async close(): Promise<void> {
    await Promise.allSettled(this.#underWay)
    await this.#client.close()
  }

  /** Never rejects. */
  async #try(batch: Batch, attempt: Attempt): Promise<readonly Outcome[]> {
    let sending = this.#sending.get(batch)
    try {
      sending ??= await this.#begin(batch, attempt)
      const { baseOffset } = await this.#client.produce({
        topic: batch.topic,
        partition: batch.partition,
        recordBatch: sending.bytes,
      })
      return this.#stored(batch, sending, baseOffset)
    } catch (error) {
      const failure =
        error instanceof KafkaFailure
          ? error
          : new KafkaFailure('CLIENT', String(error), sending !== undefined, error)
      if (failure.kind === 'DUPLICATE_SEQUENCE_NUMBER' && sending !== undefined)
        return this.#stored(batch, sending, -1)
      return this.#failed(batch, sending, failure)
    }
  }

  async #begin(batch: Batch, attempt: Attempt): Promise<Sending> {
    const place = placeOf(batch)
    let sequence = this.#sequences.get(place)
    if (sequence === undefined || sequence.next > lastSequence) {
      sequence = { producer: await this.#identity(), next: 0 }
      // Whatever came after it may have taken the numbers that were meant for it.
      if (attempt.isGivenUp)
        throw new KafkaFailure('CLOSED', 'the publish was given up before it was sent', false)
      this.#sequences.set(place, sequence)
    }
    const { producer, next } = sequence
    const bytes = encodeRecordBatch(wireRecords(batch), { ...producer, sequence: next })
    const sending = { sequence, bytes, mayBeStored: false }
    this.#sending.set(batch, sending)
    return sending
  }

  #stored(batch: Batch, sending: Sending, baseOffset: number): readonly Outcome[] {
    // Once only: two tries of one batch may both be answered.
    if (this.#sending.delete(batch)) sending.sequence.next += batch.records.length
    // A duplicate's answer may have no offset.
    return batch.records.map((_, index) =>
      baseOffset < 0 ? { status: 'stored' } : { status: 'stored', position: baseOffset + index },
    )
  }

  async #failed(
    batch: Batch,
    sending: Sending | undefined,
    failure: KafkaFailure,
  ): Promise<readonly Outcome[]> {
    const outcome = outcomeOf(failure, batch, this.#secrets)
    if (sending !== undefined) {
      if (outcome.status === 'unknown') sending.mayBeStored = true
      if (!sending.mayBeStored) {
        this.#sending.delete(batch)
        if (sequenceLost.includes(failure.kind)) this.#retire(batch, sending.sequence)
      }
    }
    if (isMissingTopic(failure)) await this.#topics.restore(batch.topic).catch(() => undefined)
    if (leaderMoved.includes(failure.kind)) await this.#client.refresh().catch(() => undefined)
    const settled =
      sending?.mayBeStored === true ? { status: 'unknown' as const, error: outcome.error } : outcome
    return batch.records.map(() => settled)
  }

  #retire(batch: Batch, sequence: Sequence): void {
    const place = placeOf(batch)
    if (this.#sequences.get(place) === sequence) this.#sequences.delete(place)
    this.#producer = undefined
  }

  #identity(): Promise<ProducerIdentity> {
    const asking = (this.#producer ??= this.#client.newProducer())
    asking.catch(() => {
      if (this.#producer === asking) this.#producer = undefined
    })
    return asking
  }

  #givenUp(batch: Batch): readonly Outcome[] {
    const sending = this.#sending.get(batch)
    if (sending !== undefined) sending.mayBeStored = true
    const failure = new KafkaFailure(
      'TIMEOUT',
      'the publish was given up before the broker answered',
      sending !== undefined,
    )
    const outcome = outcomeOf(failure, batch, this.#secrets)
    return batch.records.map(() => outcome)
  }
}

const placeOf = ({ topic, partition }: Batch): string => `${topic}/${partition}`

const wireRecords = (batch: Batch): WireRecord[] => batch.records.map(toWire)
