import type { Assignment } from '../transport/membership.js'
import { PartitionProgress } from './progress.js'

/** One holding of a partition by this member, from `assigned` to `revoking` or `lost`. */
export class Holding {
  readonly partition: number
  readonly epoch: number
  readonly logId: string
  readonly progress: PartitionProgress
  /** Handlers that run for its messages. */
  running = 0
  bufferedBytes = 0
  /** Intake stands still. */
  isPaused = false
  /** Being given up: nothing more starts. */
  isReleasing = false
  /** Given up or lost: nothing of it may be acknowledged any more. */
  isOver = false
  #whenQuiet: (() => void)[] = []

  constructor(assignment: Assignment, progressBytes: number) {
    this.partition = assignment.partition
    this.epoch = assignment.epoch
    this.logId = assignment.logId
    this.progress = new PartitionProgress(assignment, progressBytes)
  }

  get mayStart(): boolean {
    return !this.isReleasing && !this.isOver
  }

  started(): void {
    this.running++
  }

  ended(): void {
    if (--this.running === 0) this.#tellQuiet()
  }

  /** Nothing of it counts any more. */
  over(): void {
    this.isOver = true
    this.#tellQuiet()
  }

  /** Resolves when no handler runs for its messages, or it is over. */
  quiet(): Promise<void> {
    return this.running === 0 || this.isOver
      ? Promise.resolve()
      : new Promise((resolve) => this.#whenQuiet.push(resolve))
  }

  #tellQuiet(): void {
    for (const resolve of this.#whenQuiet.splice(0)) resolve()
  }
}
