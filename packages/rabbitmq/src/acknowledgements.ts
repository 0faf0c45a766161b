import type { Progress } from '@waybill/core/spi'

/** A `basic.ack`. */
export interface Ack {
  readonly tag: number
  readonly multiple: boolean
}

/**
 * Turns progress into the fewest `basic.ack`s of one channel. The broker closes the channel over a tag
 * that is not outstanding, a multiple one included, so this remembers which tags were acknowledged singly.
 */
export class Acknowledgements {
  /** Every tag below is acknowledged, or noted to be. */
  #low = 1
  /** Acknowledged singly, at or above `#low`. */
  readonly #singles = new Set<number>()
  /** The watermark noted last, and what was noted as finished above it. */
  #next = 1
  readonly #finished = new Set<number>()
  #acknowledged = 0

  /** How many messages have been acknowledged. */
  get acknowledged(): number {
    return this.#acknowledged
  }

  /** The lowest tag that is not acknowledged. */
  get low(): number {
    return this.#low
  }

  /** Takes progress to be acknowledged with the next {@link take}. */
  note(progress: Progress): void {
    this.#next = Math.max(this.#next, progress.next)
    for (const tag of progress.finished) if (tag >= this.#low) this.#finished.add(tag)
  }

  /** What has to be sent for everything noted so far, in this order. */
  take(): Ack[] {
    const acks: Ack[] = []
    if (this.#next > this.#low) {
      let highest = this.#next - 1
      while (highest >= this.#low && this.#singles.has(highest)) highest--
      if (highest >= this.#low) acks.push({ tag: highest, multiple: true })
      let already = 0
      for (const tag of this.#singles) {
        if (tag >= this.#next) continue
        this.#singles.delete(tag)
        already++
      }
      this.#acknowledged += this.#next - this.#low - already
      this.#low = this.#next
    }
    for (const tag of this.#finished) {
      if (tag < this.#low || this.#singles.has(tag)) continue
      acks.push({ tag, multiple: false })
      this.#singles.add(tag)
      this.#acknowledged++
    }
    this.#finished.clear()
    return acks
  }
}
