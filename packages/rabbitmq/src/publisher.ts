import type { Batch, Outcome, TransportContext, TransportPublisher } from '@waybill/core/spi'
import type { Tenant } from './connection.js'
import type { Link } from './link.js'
import type { MessageLimit } from './message-limit.js'
import { mayBeStored, neverSent } from './outcomes.js'
import { PublishChannel } from './publish-channel.js'
import { Sending } from './sending.js'
import type { Topology } from './topology.js'

export interface PublisherInit {
  readonly context: TransportContext
  readonly topology: Topology
  readonly limit: MessageLimit
  readonly confirmTimeoutMs: number
  /** A message reached no queue. */
  readonly unroutable: (topic: string) => void
  /** The connection is new, maybe to a node that knows another topology. */
  readonly connected: () => void
}

/** Publishes over a connection of its own: a resource alarm freezes whole connections that publish. */
export class RabbitmqPublisher implements TransportPublisher, Tenant {
  readonly #init: PublisherInit
  readonly #closeConnection: () => Promise<void>
  /** Batches with records that were not written yet, in call order. */
  #waiting: Sending[] = []
  #link: Link | undefined
  #channel: PublishChannel | undefined
  #whenDone: (() => void) | undefined

  constructor(init: PublisherInit, closeConnection: () => Promise<void>) {
    this.#init = init
    this.#closeConnection = closeConnection
  }

  async up(link: Link): Promise<void> {
    const { context, topology, limit, confirmTimeoutMs, unroutable } = this.#init
    for (const topic of topology.topics) await topology.restore(link, topic)
    const channel = await link.confirmChannel()
    this.#link = link
    this.#channel = new PublishChannel(link, channel, {
      clock: context.clock,
      confirmTimeoutMs,
      topology,
      limit,
      unroutable,
      moved: () => this.#pump(),
      ended: (cause) => this.#channelEnded(link, cause),
    })
    this.#init.connected()
    this.#pump()
  }

  down(): void {
    this.#link = undefined
    this.#channel = undefined
  }

  blocked(blocked: boolean): void {
    this.#channel?.setBlocked(blocked)
    if (blocked && this.#whenDone !== undefined) this.#abandonAll()
  }

  send(batch: Batch, signal: AbortSignal): Promise<readonly Outcome[]> {
    const sending = new Sending(batch)
    if (signal.aborted || this.#whenDone !== undefined) {
      sending.settleUnwritten(
        neverSent(signal.aborted ? 'it was given up before' : 'the publisher is closing'),
      )
      return sending.settled
    }
    const giveUp = (): void => this.#giveUp(sending)
    signal.addEventListener('abort', giveUp, { once: true })
    void sending.settled.then(() => signal.removeEventListener('abort', giveUp))
    this.#waiting.push(sending)
    this.#pump()
    return sending.settled
  }

  /** RabbitMQ knows no batches, so there is nothing that a later one could be mistaken for. */
  abandon(): void {}

  async close(): Promise<void> {
    const done = new Promise<void>((resolve) => (this.#whenDone = resolve))
    if (this.#channel === undefined || this.#link?.blocked === true) this.#abandonAll()
    this.#pump()
    await done
    await this.#closeConnection()
  }

  #pump(): void {
    const channel = this.#channel
    while (channel?.isWritable === true) {
      const sending = this.#waiting[0]
      if (sending === undefined) break
      channel.write(sending)
      if (sending.isWritten) this.#waiting.shift()
    }
    if (this.#waiting.length === 0 && channel?.isIdle !== false) this.#whenDone?.()
  }

  #giveUp(sending: Sending): void {
    this.#waiting = this.#waiting.filter((waiting) => waiting !== sending)
    sending.settleRest(mayBeStored('it was given up before an answer came'), neverSent(this.#whyWaiting()))
    this.#pump()
  }

  /**
   * What waits must not overtake what was lost with the channel, so its sender decides again: nothing of it
   * was sent.
   */
  #channelEnded(link: Link, cause: Error): void {
    this.#channel = undefined
    this.#refuseWaiting()
    this.#pump()
    // Whatever closed the channel, a new connection restores everything that publishing needs.
    link.destroy(cause)
  }

  /** Closing while the broker reads nothing: what is in flight becomes unknown, the rest was never sent. */
  #abandonAll(): void {
    this.#refuseWaiting()
    this.#link?.destroy(new Error('the publisher was closed while the broker blocked the connection'))
  }

  #refuseWaiting(): void {
    const outcome = neverSent(this.#whyWaiting())
    for (const sending of this.#waiting.splice(0)) sending.settleUnwritten(outcome)
  }

  #whyWaiting(): string {
    if (this.#link?.blocked === true) return 'RabbitMQ takes no messages because of a memory or disk alarm'
    return this.#channel === undefined
      ? 'there is no connection to RabbitMQ'
      : 'the connection takes no more for now'
  }
}
