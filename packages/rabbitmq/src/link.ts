import { WaybillError } from '@waybill/core/spi'
import type { Clock } from '@waybill/core/spi'
import type { Channel, ChannelModel, ConfirmChannel } from 'amqplib'
import { Duplex } from 'node:stream'

/** How long a polite close may take before the socket is cut. */
const closeGraceMs = 2_000

/** What amqplib keeps on a connection but does not type. */
interface Internals {
  readonly stream: unknown
  readonly frameMax: unknown
}

/** One live AMQP connection, until it ends. amqplib's surprises about endings are dealt with here. */
export class Link {
  readonly host: string
  /** Resolves with the reason when the connection has ended, however that came about. */
  readonly ended: Promise<Error>
  /** Largest frame both sides take: what a message's headers must fit. */
  readonly frameMax: number
  readonly serverVersion: string
  readonly #model: ChannelModel
  readonly #stream: Duplex
  #end: Error | undefined
  #blocked = false

  constructor(model: ChannelModel, host: string) {
    this.#model = model
    this.host = host
    this.serverVersion = model.connection.serverProperties.version
    const internals = model.connection as unknown as Internals
    if (!(internals.stream instanceof Duplex) || typeof internals.frameMax !== 'number') {
      throw new WaybillError({
        code: 'CLIENT_INCOMPATIBLE',
        message:
          'This amqplib has no connection.stream and frameMax as 2.3.1 has. Install the version @waybill/rabbitmq pins.',
      })
    }
    this.#stream = internals.stream
    this.frameMax = internals.frameMax
    let failure: Error | undefined
    model.on('error', (error) => (failure ??= error))
    model.on('blocked', () => (this.#blocked = true))
    model.on('unblocked', () => (this.#blocked = false))
    this.ended = new Promise((resolve) => {
      model.on('close', (error) => {
        this.#end = failure ?? error ?? new Error('the connection was closed')
        // amqplib only ends the stream, which never completes towards a peer that is gone.
        this.#stream.destroy()
        resolve(this.#end)
      })
    })
  }

  /** Why the connection ended, if it has. */
  get end(): Error | undefined {
    return this.#end
  }

  /** Whether the broker has stopped reading from this connection (`connection.blocked`). */
  get blocked(): boolean {
    return this.#blocked
  }

  /** Calls back on every change of `blocked`. */
  onBlocked(listener: (blocked: boolean) => void): void {
    this.#model.on('blocked', () => listener(true))
    this.#model.on('unblocked', () => listener(false))
  }

  async channel(): Promise<Channel> {
    return quiet(await this.#model.createChannel())
  }

  async confirmChannel(): Promise<ConfirmChannel> {
    return quiet(await this.#model.createConfirmChannel())
  }

  /** Cuts the socket. Without an error amqplib would not notice (it listens to `end` and `error` only). */
  destroy(reason: Error): void {
    this.#stream.destroy(reason)
  }

  /** Closes as the protocol asks, and cuts the socket if the broker does not answer. */
  async close(clock: Clock): Promise<void> {
    if (this.#end !== undefined) return
    const reason = new Error('the broker did not answer the close')
    const timer = clock.after(closeGraceMs, () => this.destroy(reason))
    // Its promise stays open for ever when the connection is lost meanwhile: `ended` is what counts.
    this.#model.close().catch(() => this.destroy(reason))
    await this.ended
    timer.cancel()
  }
}

/** An `'error'` event without a listener would end the process; `'close'` always follows and is what we act on. */
function quiet<C extends Channel>(channel: C): C {
  channel.on('error', () => undefined)
  return channel
}

/** Closes a channel; resolves when it is closed, also when the broker or the connection closed it first. */
export async function closeChannel(channel: Channel): Promise<void> {
  const closed = new Promise<void>((resolve) => channel.once('close', () => resolve()))
  try {
    // Its promise stays open for ever when the connection is lost meanwhile.
    await Promise.race([channel.close(), closed])
  } catch {
    // It was closed already.
  }
}
