import { errorText } from './errors.js'

const mebibyte = 1_048_576

/** The largest body the broker takes: what its version takes by default, or less if it said so. */
export class MessageLimit {
  #byVersion = 16 * mebibyte
  #learned = Number.POSITIVE_INFINITY

  get bytes(): number {
    return Math.min(this.#byVersion, this.#learned)
  }

  /** `max_message_size` is 16 MiB from 4.0 on, and 128 MiB before (RabbitMQ 4.0 release notes). */
  setByVersion(major: number): void {
    this.#byVersion = (major >= 4 ? 16 : 128) * mebibyte
  }

  /** The broker closes the channel over a message that is too large, and only then names its limit. */
  learn(closedBecause: unknown): void {
    const [, limit] = /larger than (?:configured )?max size (\d+)/.exec(errorText(closedBecause)) ?? []
    if (limit !== undefined) this.#learned = Number(limit)
  }
}
