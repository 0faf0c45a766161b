import type { Clock, Timer } from '../clock.js'
import { isWaybillError } from '../error/waybill-error.js'
import { redact } from '../error/redact.js'
import { backoff } from '../policy/backoff.js'
import { partitionOf } from '../topic/partitioner.js'
import type { ErasedTopic } from '../topic/topic.js'
import type { DeclaredTopic } from '../transport/topology.js'
import type { TransportPublisher } from '../transport/transport.js'
import type { BatchLimits } from './accumulator.js'
import { PartitionQueue, type QueueContext } from './partition-queue.js'

export interface TopicConnection {
  readonly clock: Clock
  /** Resolves when the topic exists; rejects for good, or until tried again where `retryable`. */
  readonly declare: (topic: ErasedTopic) => Promise<DeclaredTopic>
  readonly openPublisher: () => Promise<TransportPublisher>
  readonly limits: (declared: DeclaredTopic) => BatchLimits
  /** Called before messages are refused: the next one has to ask the broker again. */
  readonly refused: () => void
}

/** What is published to one topic. Messages wait in their partition's queue until the topic exists. */
export class TopicQueues {
  readonly partitions: readonly PartitionQueue[]
  readonly #topic: ErasedTopic
  /** Where the next message without a key goes. */
  #turn = 0
  #wait: Timer | undefined
  #isClosed = false

  constructor(topic: ErasedTopic, context: QueueContext) {
    this.#topic = topic
    this.partitions = Array.from({ length: topic.topology.partitions }, () => new PartitionQueue(context))
  }

  /** By the key as the Java client does; without one, in turn. */
  place(key: Uint8Array | null): number {
    const { length } = this.partitions
    return key === null ? this.#turn++ % length : partitionOf(key, length)
  }

  /** Resolves when the topic exists and its messages go, or was refused for good: that is their outcome. */
  async connect({ clock, declare, openPublisher, limits, refused }: TopicConnection): Promise<void> {
    const wait = backoff({ initialDelayMs: 100, maxDelayMs: 2_000 })
    for (let tries = 1; !this.#isClosed; tries++) {
      try {
        const declared = await declare(this.#topic)
        if (this.#isClosed) return
        const publisher = await openPublisher()
        for (const queue of this.partitions) queue.open(publisher, limits(declared))
        return
      } catch (error) {
        if (!isWaybillError(error) || !error.retryable) {
          refused()
          this.#refuse(error)
          return
        }
        await new Promise<void>((resolve) => (this.#wait = clock.after(wait(tries), resolve)))
      }
    }
  }

  /** Settles what has no outcome as what it is. */
  close(): void {
    this.#isClosed = true
    this.#wait?.cancel()
    const why = 'the bus was closed before the broker answered. Give close() a longer timeoutMs.'
    for (const queue of this.partitions)
      for (const entry of [...queue.unsettled()]) queue.giveUp(entry, 'CLOSED', why)
  }

  #refuse(cause: unknown): void {
    const code = isWaybillError(cause) ? cause.code : 'TOPOLOGY_CONFLICT'
    const why = redact(cause instanceof Error ? cause.message : String(cause))
    for (const queue of this.partitions)
      for (const entry of [...queue.unsettled()]) entry.refuse(code, why, cause)
  }
}
