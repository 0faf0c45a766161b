import type { Clock, Timer } from '@waybill/core/spi'

/** What the slowest connection worth having carries, so that large messages get the time they need. */
const bytesPerMs = 10_240

/** The unconfirmed messages of one partition. */
export interface Lane {
  open: number
  /** When the last confirm came, or the first message went out. */
  since: number
}

/**
 * Watches that confirms keep coming. After a node froze or was cut off, a publish can hang for ever on a
 * connection that is alive: then every partition with that leader stands still while others go on.
 */
export class ConfirmDeadline {
  readonly #clock: Clock
  readonly #timeoutMs: number
  readonly #expired: (stuckMs: number) => void
  readonly #lanes = new Map<string, Lane>()
  #bytes = 0
  #timer: Timer | undefined
  #holding = false
  #releasedAt = 0

  constructor(clock: Clock, timeoutMs: number, expired: (stuckMs: number) => void) {
    this.#clock = clock
    this.#timeoutMs = timeoutMs
    this.#expired = expired
  }

  lane(topic: string, partition: number): Lane {
    const name = `${topic}.${partition}`
    let lane = this.#lanes.get(name)
    if (lane === undefined) this.#lanes.set(name, (lane = { open: 0, since: 0 }))
    return lane
  }

  sent(lane: Lane, bytes: number): void {
    if (lane.open === 0) lane.since = this.#clock.now()
    lane.open++
    this.#bytes += bytes
    if (this.#timer === undefined) this.#arm()
  }

  confirmed(lane: Lane, bytes: number): void {
    lane.open--
    lane.since = this.#clock.now()
    this.#bytes -= bytes
  }

  /** The deadline stands still while the broker reads nothing. */
  hold(): void {
    this.#holding = true
  }

  release(): void {
    this.#holding = false
    this.#releasedAt = this.#clock.now()
  }

  stop(): void {
    this.#timer?.cancel()
    this.#timer = undefined
  }

  #arm(): void {
    this.#timer = this.#clock.after(this.#timeoutMs / 4, () => {
      this.#timer = undefined
      this.#check()
    })
  }

  #check(): void {
    const open = [...this.#lanes.values()].filter((lane) => lane.open > 0)
    if (open.length === 0) return
    const oldest = Math.max(Math.min(...open.map((lane) => lane.since)), this.#releasedAt)
    const stuckMs = this.#clock.now() - oldest
    if (!this.#holding && stuckMs > this.#timeoutMs + this.#bytes / bytesPerMs) this.#expired(stuckMs)
    else this.#arm()
  }
}
