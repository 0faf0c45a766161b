import type { PartitionStatus } from '../bus/subscription.js'
import type { TransportConsumer } from '../transport/transport.js'
import type { Consumption } from './consumption.js'
import type { Holding } from './holding.js'

/**
 * Bounds what is received and not finished, where intake can be paused: each partition by the
 * topic's window and by its share of `maxBufferedBytes`, so that one that stands still stops no
 * other. Elsewhere the broker's prefetch does.
 */
export class FlowControl {
  readonly #consumption: Consumption
  readonly #holdings = new Set<Holding>()
  #consumer: TransportConsumer | undefined

  constructor(consumption: Consumption) {
    this.#consumption = consumption
  }

  attach(consumer: TransportConsumer): void {
    this.#consumer = consumer
    for (const holding of this.#holdings) if (holding.isPaused) consumer.pause?.(holding.partition)
  }

  get bufferedBytes(): number {
    let sum = 0
    for (const holding of this.#holdings) sum += holding.bufferedBytes
    return sum
  }

  assigned(holding: Holding): void {
    this.#holdings.add(holding)
  }

  ended(holding: Holding): void {
    this.#holdings.delete(holding)
    for (const other of this.#holdings) this.released(other)
  }

  /** Why a partition takes nothing in right now. */
  full(holding: Holding): PartitionStatus['full'] {
    // Before the window, which may be full as well: this one also keeps handlers from starting.
    if (holding.progress.isFull) return 'progress'
    if (holding.progress.unfinished >= this.#consumption.topic.topology.window) return 'window'
    return this.#consumption.capabilities.pausable && holding.bufferedBytes >= this.#share
      ? 'bytes'
      : undefined
  }

  /** Something was received. */
  received(holding: Holding): void {
    if (!this.#consumption.capabilities.pausable || holding.isPaused || this.full(holding) === undefined)
      return
    holding.isPaused = true
    this.#consumer?.pause?.(holding.partition)
  }

  /** Something is finished. At any room, not at half: a slow key may hold the rest for as long as it likes. */
  released(holding: Holding): void {
    if (!holding.isPaused || this.full(holding) !== undefined) return
    holding.isPaused = false
    this.#consumer?.resume?.(holding.partition)
  }

  get #share(): number {
    return this.#consumption.maxBufferedBytes / Math.max(1, this.#holdings.size)
  }
}
