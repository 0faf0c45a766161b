import type { Clock, Timer } from '../clock.js'
import type { ErrorCode } from '../error/codes.js'
import { PublishError } from '../error/kinds.js'
import { isWaybillError, type WaybillError } from '../error/waybill-error.js'
import { encodeMessage, type EncodedMessage } from '../message/encode.js'
import { recordBytes } from '../message/record-size.js'
import { backoff } from '../policy/backoff.js'
import { partitionOf } from '../topic/partitioner.js'
import type { ErasedTopic } from '../topic/topic.js'
import type { Capabilities } from '../transport/capabilities.js'
import type { OutgoingRecord } from '../transport/record.js'
import type { DeclaredTopic } from '../transport/topology.js'
import type { TransportPublisher } from '../transport/transport.js'
import { Entry } from './entry.js'
import { PartitionQueue, type QueueContext } from './partition-queue.js'
import type { PublishOptions, Receipt } from './receipt.js'

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

interface TopicQueues {
  readonly topic: ErasedTopic
  readonly partitions: PartitionQueue[]
  /** The partition that the next message without a key goes to. */
  turn: number
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
  /** Between two tries to declare a topic. */
  readonly #waits = new Set<Timer>()
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
    return this.#enqueue(topic, encoded, undefined, options.signal)
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
    for (const wait of this.#waits) wait.cancel()
    const why = 'the bus was closed before the broker answered. Give close() a longer timeoutMs.'
    for (const queue of this.#queues())
      for (const entry of [...queue.unsettled()]) queue.giveUp(entry, 'CLOSED', why)
    const publisher = await this.#publisher?.catch(() => undefined)
    await publisher?.close()
  }

  #enqueue(
    topic: ErasedTopic,
    encoded: EncodedMessage,
    fixedPartition: number | undefined,
    signal?: AbortSignal,
  ): Promise<Receipt> {
    const { record, sizeBytes, validated } = encoded
    const { clock, settings } = this.#init
    const queues = this.#topics.get(topic.name) ?? this.#openTopic(topic)
    const partition = fixedPartition ?? place(record.key, queues)
    const queue = queues.partitions[partition]!
    return new Promise<Receipt>((resolve, reject) => {
      const now = clock.now()
      const entry = new Entry({
        record,
        sizeBytes,
        topic: topic.name,
        partition,
        enqueuedAt: now,
        deadline: now + settings.publishTimeoutMs,
        republish: (again, where) => this.#republish(topic, again, where),
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

  #republish(topic: ErasedTopic, record: OutgoingRecord, partition: number): Promise<Receipt> {
    const { id } = record.attributes
    if (this.#closed) return Promise.reject(this.#refusal(topic, id, 'CLOSED', 'the bus is closed.'))
    if (!this.hasRoom) return Promise.reject(this.#queueFull(topic, id))
    const encoded = { record, sizeBytes: recordBytes(record), validated: undefined }
    return this.#enqueue(topic, encoded, partition)
  }

  #openTopic(topic: ErasedTopic): TopicQueues {
    const { clock, transport, capabilities, settings, resent } = this.#init
    const { inFlightPerPartition, idempotentResend } = capabilities()
    const context: QueueContext = {
      clock,
      transport,
      pipelined: inFlightPerPartition === 'window',
      idempotentResend,
      retryUnknown: settings.retryUnknown,
      failKeyOnGiveUp: settings.onGiveUp === 'fail-key',
      backoff: backoff({ initialDelayMs: 50, maxDelayMs: 1_000 }),
      resent,
    }
    const partitions = Array.from({ length: topic.topology.partitions }, () => new PartitionQueue(context))
    const queues = { topic, partitions, turn: 0 }
    this.#topics.set(topic.name, queues)
    void this.#connectTopic(queues)
    return queues
  }

  /** Until the topic exists its messages wait; a definite refusal is their outcome. */
  async #connectTopic(queues: TopicQueues): Promise<void> {
    const { declare, openPublisher, settings } = this.#init
    const wait = backoff({ initialDelayMs: 100, maxDelayMs: 2_000 })
    for (let tries = 1; !this.#closed; tries++) {
      try {
        const declared = await declare(queues.topic)
        if (this.#closed) return
        const publisher = await (this.#publisher ??= openPublisher())
        const bytes = Math.min(settings.maxBatchBytes, declared.maxBatchBytes)
        const limits = { messages: settings.maxBatchMessages, bytes, recordBytes: declared.maxMessageBytes }
        for (const queue of queues.partitions) queue.open(publisher, limits)
        return
      } catch (error) {
        await this.#publisher?.catch(() => (this.#publisher = undefined))
        if (!isWaybillError(error) || !error.retryable) return this.#refuse(queues, error)
        await this.#pause(wait(tries))
      }
    }
  }

  #pause(delayMs: number): Promise<void> {
    return new Promise((resolve) => {
      const wait = this.#init.clock.after(delayMs, () => {
        this.#waits.delete(wait)
        resolve()
      })
      this.#waits.add(wait)
    })
  }

  #refuse(queues: TopicQueues, cause: unknown): void {
    // The next publish asks the broker again: someone may have mended it.
    this.#topics.delete(queues.topic.name)
    const error = cause as WaybillError
    for (const queue of queues.partitions) {
      for (const entry of [...queue.unsettled()]) {
        entry.fail(
          'rejected',
          isWaybillError(cause) ? error.code : 'TOPOLOGY_CONFLICT',
          error.message,
          cause,
          false,
        )
      }
    }
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

/** By the key as the Java client does; without one, in turn. */
const place = (key: Uint8Array | null, queues: TopicQueues): number =>
  key === null ? queues.turn++ % queues.partitions.length : partitionOf(key, queues.partitions.length)
