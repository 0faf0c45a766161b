import type { Channel } from 'amqplib'
import { errorText, replyCode } from './errors.js'
import { closeChannel } from './link.js'
import type { Link } from './link.js'

/** Asks the broker what exists. A "no" costs the channel it was asked on, so a new one is opened then. */
export class Presence {
  readonly #link: Link
  #channel: Channel | undefined

  constructor(link: Link) {
    this.#link = link
  }

  exchange(name: string): Promise<boolean> {
    return this.#ask((channel) => channel.checkExchange(name))
  }

  queue(name: string): Promise<boolean> {
    return this.#ask((channel) => channel.checkQueue(name))
  }

  /** Binds a queue, which changes nothing where it is bound already. Resolves to `false` if it or the exchange is missing. */
  bind(queue: string, exchange: string, routingKey: string): Promise<boolean> {
    return this.#ask((channel) => channel.bindQueue(queue, exchange, routingKey))
  }

  async close(): Promise<void> {
    if (this.#channel !== undefined) await closeChannel(this.#channel)
    this.#channel = undefined
  }

  async #ask(question: (channel: Channel) => Promise<unknown>): Promise<boolean> {
    const channel = (this.#channel ??= await this.#link.channel())
    try {
      await question(channel)
      return true
    } catch (error) {
      this.#channel = undefined
      // A queue whose node is down is answered with 404, too, but it exists.
      if (replyCode(error) === 404 && /no (queue|exchange)/.test(errorText(error))) return false
      throw error
    }
  }
}
