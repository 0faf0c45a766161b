import type { Clock, Outcome } from '@waybill/core/spi'
import { IllegalOperationError } from 'amqplib'
import type { ConfirmChannel, Message } from 'amqplib'
import { ConfirmDeadline } from './confirm-deadline.js'
import type { Lane } from './confirm-deadline.js'
import { toPublishOptions } from './headers.js'
import type { Link } from './link.js'
import type { MessageLimit } from './message-limit.js'
import { cannotBeSent, isNack, mayBeStored, nacked, tooLarge, unroutable } from './outcomes.js'
import type { Sending } from './sending.js'
import type { Topology } from './topology.js'

export interface PublishChannelInit {
  readonly clock: Clock
  readonly confirmTimeoutMs: number
  readonly topology: Topology
  readonly limit: MessageLimit
  /** A message reached no queue. */
  readonly unroutable: (topic: string) => void
  /** There is room again, or less in flight. */
  readonly moved: () => void
  /** The channel is gone, and every message in flight has its outcome. */
  readonly ended: (cause: Error) => void
}

/** A confirm channel: everything written to it is confirmed, returned, refused, or unknown when it ends. */
export class PublishChannel {
  readonly #init: PublishChannelInit
  readonly #link: Link
  readonly #channel: ConfirmChannel
  readonly #deadline: ConfirmDeadline
  readonly #inFlight = new Set<Sending>()
  #unconfirmed = 0
  #open = true
  #congested = false
  #failure: Error | undefined
  #lost: Outcome | undefined

  constructor(link: Link, channel: ConfirmChannel, init: PublishChannelInit) {
    this.#init = init
    this.#link = link
    this.#channel = channel
    this.#deadline = new ConfirmDeadline(init.clock, init.confirmTimeoutMs, (stuckMs) => {
      link.destroy(new Error(`no confirm for ${Math.round(stuckMs)} ms, so the connection was dropped`))
    })
    channel.on('return', (message) => this.#returned(message))
    channel.on('drain', () => {
      this.#congested = false
      init.moved()
    })
    channel.on('error', (error) => {
      this.#failure ??= error
      init.limit.learn(error)
    })
    channel.on('close', () => this.#ended())
  }

  get isWritable(): boolean {
    return this.#open && !this.#congested && !this.#link.blocked
  }

  get isIdle(): boolean {
    return this.#unconfirmed === 0
  }

  /** Writes as many records as there is room for. */
  write(sending: Sending): void {
    const { topic, partition, records } = sending.batch
    const lane = this.#deadline.lane(topic, partition)
    this.#inFlight.add(sending)
    while (sending.next < records.length && this.isWritable) this.#publish(sending, sending.next, lane)
    if (sending.isSettled) this.#inFlight.delete(sending)
  }

  setBlocked(blocked: boolean): void {
    if (blocked) this.#deadline.hold()
    else this.#deadline.release()
    if (!blocked) this.#init.moved()
  }

  #publish(sending: Sending, index: number, lane: Lane): void {
    const { batch } = sending
    const record = batch.records[index]!
    const body = record.body ?? new Uint8Array()
    const size = body.byteLength
    sending.next = index + 1
    if (size > this.#init.limit.bytes)
      return sending.settle(index, tooLarge(batch, size, this.#init.limit.bytes))
    try {
      const options = toPublishOptions(record, this.#link.frameMax)
      const content = Buffer.from(body.buffer, body.byteOffset, size)
      const hasRoom = this.#channel.publish(
        batch.topic,
        String(batch.partition),
        content,
        options,
        (error: unknown) => this.#answered(sending, index, lane, size, error),
      )
      if (!hasRoom) this.#congested = true
      this.#unconfirmed++
      this.#deadline.sent(lane, size)
    } catch (error) {
      if (!(error instanceof IllegalOperationError)) return sending.settle(index, cannotBeSent(batch, error))
      // The channel is closing, which its event will tell.
      this.#open = false
      sending.next = index
    }
  }

  #answered(sending: Sending, index: number, lane: Lane, size: number, error: unknown): void {
    this.#unconfirmed--
    this.#deadline.confirmed(lane, size)
    if (error === null) {
      if (sending.wasReturned(index)) sending.settle(index, unroutable(sending.batch))
      else sending.stored(index)
    } else if (isNack(error)) {
      sending.settle(
        index,
        nacked(sending.batch, this.#init.topology.get(sending.batch.topic)?.groups.length ?? 0),
      )
    } else {
      const { limit } = this.#init
      sending.settle(index, size > limit.bytes ? tooLarge(sending.batch, size, limit.bytes) : this.#loss())
    }
    if (sending.isSettled) this.#inFlight.delete(sending)
    if (this.#unconfirmed === 0) this.#init.moved()
  }

  #loss(): Outcome {
    return (this.#lost ??= mayBeStored(
      (this.#failure ?? this.#link.end)?.message ?? 'the channel was closed',
      this.#failure,
    ))
  }

  /** A return comes before the confirm of the same message, and returns come in the order of publishing. */
  #returned({ fields, properties }: Message): void {
    for (const sending of this.#inFlight) {
      const { topic, partition } = sending.batch
      if (topic !== fields.exchange || String(partition) !== fields.routingKey) continue
      if (sending.markReturned(String(properties.messageId))) return this.#init.unroutable(topic)
    }
  }

  /** amqplib has answered everything in flight before. */
  #ended(): void {
    this.#open = false
    this.#deadline.stop()
    this.#init.ended(this.#failure ?? new Error('the channel was closed'))
  }
}
