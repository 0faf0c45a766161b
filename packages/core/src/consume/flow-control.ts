import type { TransportConsumer } from '../transport/transport.js'
import type { Consumption } from './consumption.js'
import type { Holding } from './holding.js'

/**
 * Bounds what is received and not finished, where intake can be paused: each partition by the
 * topic's window, all together by `maxBufferedBytes`. Elsewhere the broker's prefetch does.
 */
export class FlowControl {
  readonly #consumption: Consumption
  readonly #paused = new Set<Holding>()
  #consumer: TransportConsumer | undefined
  bufferedBytes = 0

  constructor(consumption: Consumption) {
    this.#consumption = consumption
  }

  attach(consumer: TransportConsumer): void {
    this.#consumer = consumer
    for (const holding of this.#paused) consumer.pause?.(holding.partition)
  }

  /** Why a partition takes nothing in right now. */
  full(holding: Holding): 'window' | 'progress' | 'bytes' | undefined {
    if (holding.progress.unfinished >= this.#consumption.topic.topology.window) return 'window'
    if (holding.progress.isFull) return 'progress'
    return this.bufferedBytes >= this.#consumption.maxBufferedBytes ? 'bytes' : undefined
  }

  received(holding: Holding, sizeBytes: number): void {
    this.bufferedBytes += sizeBytes
    if (!this.#consumption.capabilities.pausable || holding.isPaused || this.full(holding) === undefined)
      return
    holding.isPaused = true
    this.#paused.add(holding)
    this.#consumer?.pause?.(holding.partition)
  }

  /** `sizeBytes` of a holding are finished or let go. */
  released(sizeBytes: number): void {
    this.bufferedBytes -= sizeBytes
    if (this.#paused.size === 0) return
    const { topic, maxBufferedBytes } = this.#consumption
    if (this.bufferedBytes > maxBufferedBytes / 2) return
    for (const holding of this.#paused) {
      if (holding.isOver) this.#paused.delete(holding)
      else if (holding.progress.unfinished <= topic.topology.window / 2 && !holding.progress.isFull)
        this.#resume(holding)
    }
  }

  #resume(holding: Holding): void {
    this.#paused.delete(holding)
    holding.isPaused = false
    this.#consumer?.resume?.(holding.partition)
  }
}
