import type { Clock, Timer } from '../clock.js'
import type { ErrorCode } from '../error/codes.js'
import { PublishError } from '../error/kinds.js'
import { encodeMessage, type EncodedMessage } from '../message/encode.js'
import { recordBytes } from '../message/record-size.js'
import { backoff } from '../policy/backoff.js'
import type { ErasedTopic } from '../topic/topic.js'
import type { Capabilities } from '../transport/capabilities.js'
import type { OutgoingRecord } from '../transport/record.js'
import type { DeclaredTopic } from '../transport/topology.js'
import type { TransportPublisher } from '../transport/transport.js'
import type { BatchLimits } from './accumulator.js'
import { Entry } from './entry.js'
import type { PartitionQueue } from './partition-queue.js'
import type { PublishOptions, Receipt } from './receipt.js'
import { TopicQueues } from './topic-queues.js'

export interface PublishSettings {
  readonly publishTimeoutMs: number
  readonly maxUnconfirmed: number
  readonly maxUnconfirmedBytes: number
  readonly maxBatchMessages: number
  readonly maxBatchBytes: number
  readonly retryUnknown: boolean
  readonly onGiveUp: 'continue' | 'fail-key'
}

export interface PublishEngineInit {
  readonly clock: Clock
  readonly transport: string
  readonly source: string
  readonly capabilities: () => Capabilities
  readonly settings: PublishSettings
  /** Resolves when the topic exists; rejects for good, or until tried again where `retryable`. */
  readonly declare: (topic: ErasedTopic) => Promise<DeclaredTopic>
  readonly openPublisher: () => Promise<TransportPublisher>
  readonly resent: (topic: string, partition: number, messages: number) => void
}

/**
 * Every message that this bus has been given and that has no outcome yet. Bounds how many there are
 * and how long they wait; each partition's order is its queue's.
 */
export class PublishEngine {
  readonly #init: PublishEngineInit
  readonly #topics = new Map<string, TopicQueues>()
  #publisher: Promise<TransportPublisher> | undefined
  #unconfirmed = 0
  #unconfirmedBytes = 0
  #sweep: Timer | undefined
  #whenIdle: (() => void)[] = []
  #closed = false

  constructor(init: PublishEngineInit) {
    this.#init = init
  }

  status(): { unconfirmed: number; unconfirmedBytes: number; oldestAgeMs: number | undefined } {
    let oldest: number | undefined
    for (const queue of this.#queues()) {
      const [first] = queue.unsettled()
      if (first !== undefined) oldest = Math.min(oldest ?? Infinity, first.enqueuedAt)
    }
    const oldestAgeMs = oldest === undefined ? undefined : Math.round(this.#init.clock.now() - oldest)
    return { unconfirmed: this.#unconfirmed, unconfirmedBytes: this.#unconfirmedBytes, oldestAgeMs }
  }

  /** `isAdmitted`: the caller has seen to the bounds. */
  publish(
    topic: ErasedTopic,
    value: unknown,
    options: PublishOptions = {},
    isAdmitted = false,
  ): Promise<Receipt> {
    const { clock, source, capabilities } = this.#init
    if (this.#closed) return Promise.reject(this.#refusal(topic, options.id, 'CLOSED', 'the bus is closed.'))
    if (!isAdmitted && !this.hasRoom) return Promise.reject(this.#queueFull(topic, options.id))
    let encoded: EncodedMessage
    try {
      encoded = encodeMessage(topic, value, options, {
        source,
        wallMs: clock.wallMs(),
        nullBody: capabilities().nullBody,
      })
    } catch (error) {
      return Promise.reject(error)
    }
    return this.#enqueue(topic, encoded, options.signal)
  }

  /** Whether one more message is within the bounds. */
  get hasRoom(): boolean {
    const { maxUnconfirmed, maxUnconfirmedBytes } = this.#init.settings
    return this.#unconfirmed < maxUnconfirmed && this.#unconfirmedBytes < maxUnconfirmedBytes
  }

  /** Resolves when every message has its outcome. */
  idle(): Promise<void> {
    return this.#unconfirmed === 0
      ? Promise.resolve()
      : new Promise((resolve) => this.#whenIdle.push(resolve))
  }

  /** From now on publishes reject with `CLOSED`; what has no outcome is settled as what it is. */
  async close(): Promise<void> {
    this.#closed = true
    for (const queues of this.#topics.values()) queues.close()
    const publisher = await this.#publisher?.catch(() => undefined)
    await publisher?.close()
  }

  #enqueue(
    topic: ErasedTopic,
    encoded: EncodedMessage,
    signal: AbortSignal | undefined,
    earlier?: Entry,
  ): Promise<Receipt> {
    const { record, sizeBytes, validated } = encoded
    const { clock, settings } = this.#init
    const queues = this.#topics.get(topic.name) ?? this.#openTopic(topic)
    const partition = earlier?.partition ?? queues.place(record.key)
    const queue = queues.partitions[partition]!
    return new Promise<Receipt>((resolve, reject) => {
      const now = clock.now()
      const entry: Entry = new Entry({
        record,
        sizeBytes,
        topic: topic.name,
        partition,
        enqueuedAt: now,
        deadline: now + settings.publishTimeoutMs,
        maybeStored: earlier?.maybeStored ?? false,
        republish: (again) => this.#republish(topic, entry, again),
        settled: (_, result) => {
          signal?.removeEventListener('abort', abort)
          this.#settled(sizeBytes)
          if (result instanceof PublishError) reject(result)
          else resolve(result)
        },
      })
      const abort = (): void => queue.giveUp(entry, 'PUBLISH_ABORTED', 'its signal aborted.')
      this.#unconfirmed++
      this.#unconfirmedBytes += sizeBytes
      this.#sweep ??= this.#sweepLater()
      if (validated !== undefined) {
        entry.ready = false
        validated
          .then(
            () => (entry.ready = true),
            (error: PublishError) => entry.failWith(error),
          )
          .finally(() => queue.schedule())
          .catch(() => undefined)
      }
      queue.push(entry)
      if (signal?.aborted === true) abort()
      else signal?.addEventListener('abort', abort, { once: true })
    })
  }

  #republish(topic: ErasedTopic, entry: Entry, record: OutgoingRecord): Promise<Receipt> {
    const { id } = record.attributes
    if (this.#closed) return Promise.reject(this.#refusal(topic, id, 'CLOSED', 'the bus is closed.'))
    if (!this.hasRoom) return Promise.reject(this.#queueFull(topic, id))
    const encoded = { record, sizeBytes: recordBytes(record), validated: undefined }
    return this.#enqueue(topic, encoded, undefined, entry)
  }

  #openTopic(topic: ErasedTopic): TopicQueues {
    const { clock, transport, capabilities, declare, settings, resent } = this.#init
    const { inFlightPerPartition, idempotentResend } = capabilities()
    const queues = new TopicQueues(topic, {
      clock,
      transport,
      pipelined: inFlightPerPartition === 'window',
      idempotentResend,
      retryUnknown: settings.retryUnknown,
      failKeyOnGiveUp: settings.onGiveUp === 'fail-key',
      backoff: backoff({ initialDelayMs: 50, maxDelayMs: 1_000 }),
      resent,
    })
    this.#topics.set(topic.name, queues)
    const limits = (declared: DeclaredTopic): BatchLimits => ({
      messages: settings.maxBatchMessages,
      bytes: Math.min(settings.maxBatchBytes, declared.maxBatchBytes),
      recordBytes: declared.maxMessageBytes,
    })
    const openPublisher = (): Promise<TransportPublisher> => this.#open()
    const refused = (): void => void this.#topics.delete(topic.name)
    void queues.connect({ clock, declare, openPublisher, limits, refused })
    return queues
  }

  /** One publisher for all topics. */
  #open(): Promise<TransportPublisher> {
    if (this.#publisher !== undefined) return this.#publisher
    const opening = this.#init.openPublisher()
    this.#publisher = opening
    opening.catch(() => (this.#publisher = undefined))
    return opening
  }

  #settled(sizeBytes: number): void {
    this.#unconfirmed--
    this.#unconfirmedBytes -= sizeBytes
    if (this.#unconfirmed > 0) return
    this.#sweep?.cancel()
    this.#sweep = undefined
    for (const resolve of this.#whenIdle.splice(0)) resolve()
  }

  #sweepLater(): Timer {
    const { clock, settings } = this.#init
    return clock.after(Math.min(250, Math.max(10, settings.publishTimeoutMs / 50)), () => {
      this.#sweep = undefined
      for (const queue of this.#queues()) queue.expire(clock.now())
      if (this.#unconfirmed > 0) this.#sweep ??= this.#sweepLater()
    })
  }

  *#queues(): Generator<PartitionQueue> {
    for (const { partitions } of this.#topics.values()) yield* partitions
  }

  #queueFull(topic: ErasedTopic, id: string | undefined): PublishError {
    const { maxUnconfirmed, maxUnconfirmedBytes } = this.#init.settings
    const why = `${this.#unconfirmed} messages (${this.#unconfirmedBytes} bytes) have no outcome yet, and maxUnconfirmed is ${maxUnconfirmed} (${maxUnconfirmedBytes} bytes). Await earlier publishes, or raise the bound.`
    return this.#refusal(topic, id, 'QUEUE_FULL', why, true)
  }

  #refusal(topic: ErasedTopic, id = '', code: ErrorCode, why: string, retryable = false): PublishError {
    const message = `A message was not published to topic "${topic.name}": ${why}`
    return new PublishError({ code, outcome: 'rejected', id, topic: topic.name, message, retryable })
  }
}
