import type { Timer } from '../clock.js'
import { Fifo } from '../fifo.js'
import type { Delivery } from './delivery.js'
import type { Run } from './run.js'

/**
 * The messages of one key in one partition: one runs, the rest wait in stored order. A lane outlives
 * its assignment: while an old handler runs, what comes after it waits.
 */
export class Lane {
  readonly key: string
  readonly waiting: Fifo<Delivery> = new Fifo()
  /** At the head: running, parked between two tries, held because it cannot be decoded, or about to start. */
  current: Delivery | undefined
  run: Run | undefined
  /** Between two tries. */
  parked: Timer | undefined
  isHeld = false
  /** In the dispatcher's queue. */
  isQueued = false

  constructor(key: string) {
    this.key = key
  }

  get isIdle(): boolean {
    return this.current === undefined && this.waiting.size === 0
  }

  /** Whether its head could start now. */
  get canStart(): boolean {
    return this.run === undefined && this.parked === undefined && !this.isHeld && !this.isIdle
  }

  /** The head, if its holding still stands; those of holdings that ended are dropped. */
  head(): Delivery | undefined {
    while (this.current === undefined || this.current.holding.isOver) {
      this.current = this.waiting.shift()
      if (this.current === undefined) return undefined
    }
    return this.current
  }

  /** Forgets what belongs to holdings that ended; a running handler goes on. */
  release(): void {
    if (this.run !== undefined) return
    if (this.current?.holding.isOver === true) {
      this.parked?.cancel()
      this.parked = undefined
      this.isHeld = false
    }
    this.head()
  }
}
