import type { Clock, IncomingBatch, IncomingRecord, PartitionEpoch, Progress } from '@waybill/core/spi'
import type { Channel, ConsumeMessage } from 'amqplib'
import { Acknowledgements } from './acknowledgements.js'
import type { Ack } from './acknowledgements.js'
import { toIncomingRecord } from './headers.js'
import { closeChannel } from './link.js'
import type { Link } from './link.js'

export interface PartitionChannelInit extends PartitionEpoch {
  readonly queue: string
  /** The prefetch: one constant per topic, the same in all members (a smaller one breaks order after a crash). */
  readonly window: number
  /** `undefined`: whoever came first is active. */
  readonly priority: number | undefined
  readonly clock: Clock
  readonly records: (batch: IncomingBatch) => void
  /** The channel was ended by someone else, after it had been opened; called once. */
  readonly ended: (cause: Error) => void
}

/**
 * One holding of one partition: a channel that consumes its queue. One channel per queue, because delivery
 * tags belong to the channel; and messages go back to the queue only by closing it, because every other way
 * permutes their order.
 */
export class PartitionChannel implements PartitionEpoch {
  readonly partition: number
  readonly epoch: number
  readonly queue: string
  readonly window: number
  readonly #init: PartitionChannelInit
  readonly #channel: Channel
  readonly #acknowledgements = new Acknowledgements()
  readonly #arrivals: { readonly firstTag: number; readonly at: number }[] = []
  #arrived: IncomingRecord[] = []
  #lastTag = 0
  #quietSince: number
  #flushed: Promise<void> | undefined
  #open = true
  #consuming = false
  /** Set while it is being asked whether this must be given up, and while it is. */
  looking = false

  private constructor(init: PartitionChannelInit, channel: Channel) {
    this.partition = init.partition
    this.epoch = init.epoch
    this.queue = init.queue
    this.window = init.window
    this.#init = init
    this.#channel = channel
    this.#quietSince = init.clock.now()
    let failure: Error | undefined
    channel.on('error', (error) => (failure ??= error))
    channel.on('close', () => this.#end(failure ?? new Error('the channel was closed')))
  }

  /** Resolves when the queue is being consumed; `assigned` is called just before anything can arrive. */
  static async open(
    link: Link,
    init: PartitionChannelInit,
    assigned: (opening: PartitionChannel) => void,
  ): Promise<void> {
    const channel = await link.channel()
    const self = new PartitionChannel(init, channel)
    try {
      await channel.prefetch(init.window)
      assigned(self)
      const priority = init.priority === undefined ? {} : { priority: init.priority }
      await channel.consume(init.queue, (message) => self.#deliver(message), priority)
      if (!self.#open) throw new Error('the channel was closed while it was being opened')
      self.#consuming = true
    } catch (error) {
      self.#open = false
      await closeChannel(channel)
      throw error
    }
  }

  /** Messages delivered and not acknowledged. */
  get outstanding(): number {
    return this.#lastTag - this.#acknowledgements.acknowledged
  }

  /** How long the broker could have delivered something, but did not. */
  get quietMs(): number {
    return this.#init.clock.now() - this.#quietSince
  }

  /** How long the oldest unacknowledged message has been held. */
  get heldMs(): number {
    if (this.outstanding === 0) return 0
    while (this.#arrivals.length > 1 && this.#arrivals[1]!.firstTag <= this.#acknowledgements.low)
      this.#arrivals.shift()
    const oldest = this.#arrivals[0]
    return oldest === undefined ? 0 : this.#init.clock.now() - oldest.at
  }

  /** Resolves when the acknowledgement was written; what comes within one turn of the event loop goes together. */
  acknowledge(progress: Progress): Promise<void> {
    this.#acknowledgements.note(progress)
    this.#flushed ??= new Promise((resolve) => {
      setImmediate(() => {
        this.#flush()
        resolve()
      })
    })
    return this.#flushed
  }

  /** Gives the partition up: what is not acknowledged goes back to the queue, in order. */
  async close(): Promise<void> {
    if (!this.#open) return
    this.#flush()
    this.#open = false
    await closeChannel(this.#channel)
  }

  #flush(): void {
    this.#flushed = undefined
    if (!this.#open) return
    const wasFull = this.outstanding >= this.#init.window
    for (const ack of this.#acknowledgements.take()) this.#write(ack)
    if (wasFull) this.#quietSince = this.#init.clock.now()
  }

  #write({ tag, multiple }: Ack): void {
    try {
      this.#channel.ack({ fields: { deliveryTag: tag } } as ConsumeMessage, multiple)
    } catch {
      // The channel is closing: the message comes again, and nothing can be acknowledged here any more.
    }
  }

  #deliver(message: ConsumeMessage | null): void {
    if (!this.#open) return
    if (message === null) {
      this.#end(new Error('the broker cancelled the consumer, as it does when the queue was deleted'))
      void closeChannel(this.#channel)
      return
    }
    if (this.#arrived.length === 0) queueMicrotask(() => this.#handOver())
    this.#arrived.push(toIncomingRecord(message))
    this.#lastTag = message.fields.deliveryTag
  }

  /** Everything that came with one read of the socket, in one batch. */
  #handOver(): void {
    const records = this.#arrived
    const first = records[0]
    if (!this.#open || first === undefined) return
    this.#arrived = []
    this.#quietSince = this.#init.clock.now()
    this.#arrivals.push({ firstTag: first.position, at: this.#quietSince })
    this.#init.records({ records, next: this.#lastTag + 1 })
  }

  #end(cause: Error): void {
    if (!this.#open) return
    this.#open = false
    if (this.#consuming) this.#init.ended(cause)
  }
}
