import type { Timer } from '../clock.js'
import { redact } from '../error/redact.js'
import { backoff } from '../policy/backoff.js'
import type { TransportConsumer } from '../transport/transport.js'
import { partitionSubject, type Consumption } from './consumption.js'
import type { Holding } from './holding.js'
import type { FinishedRef } from './progress.js'

interface UnderWay {
  readonly done: Promise<void>
  readonly fresh: readonly FinishedRef[]
}

/**
 * Tells the broker what is finished: at once where it settles messages, every `commitIntervalMs`
 * where it keeps a snapshot. One acknowledgement of a partition is under way at a time.
 */
export class Acknowledger {
  readonly #consumption: Consumption
  readonly #dirty = new Set<Holding>()
  readonly #underWay = new Map<Holding, UnderWay>()
  readonly #last = new WeakMap<Holding, string>()
  readonly #keep: (holding: Holding, refs: readonly FinishedRef[]) => void
  #consumer: TransportConsumer | undefined
  #timer: Timer | undefined
  #immediate = false

  /** `keep`: these are finished, and may come again. */
  constructor(consumption: Consumption, keep: (holding: Holding, refs: readonly FinishedRef[]) => void) {
    this.#consumption = consumption
    this.#keep = keep
  }

  attach(consumer: TransportConsumer): void {
    this.#consumer = consumer
    if (this.#dirty.size > 0) this.#schedule()
  }

  /** Something of this holding is finished. */
  touch(holding: Holding): void {
    this.#dirty.add(holding)
    if (this.#consumer !== undefined) this.#schedule()
  }

  /** Acknowledges all that is finished by now; resolves when the broker has it, or the holding is over. */
  async flush(holding: Holding): Promise<void> {
    const { clock } = this.#consumption
    const wait = backoff({ initialDelayMs: 50, maxDelayMs: 1_000 })
    for (let tries = 1; !holding.isOver; tries++) {
      // Another flush may have come first.
      while (this.#underWay.has(holding)) await this.#underWay.get(holding)?.done
      this.#dirty.delete(holding)
      await this.#send(holding)
      if (!this.#dirty.has(holding)) return
      await new Promise<void>((resolve) => clock.after(wait(tries), resolve))
    }
  }

  /** Nothing of this holding can be acknowledged any more. What the broker has not answered may come again. */
  ended(holding: Holding): void {
    this.#dirty.delete(holding)
    this.#keep(holding, this.#underWay.get(holding)?.fresh ?? [])
    this.#consumption.report.clear('ACKNOWLEDGE_FAILED', this.#subject(holding))
  }

  stop(): void {
    this.#timer?.cancel()
    this.#timer = undefined
    this.#dirty.clear()
  }

  #schedule(): void {
    if (this.#consumption.capabilities.acknowledgement === 'commit') return this.#scheduleLater()
    if (this.#immediate) return
    this.#immediate = true
    setImmediate(() => {
      this.#immediate = false
      this.#flushDirty()
    })
  }

  #scheduleLater(): void {
    const { clock, commitIntervalMs } = this.#consumption
    this.#timer ??= clock.after(commitIntervalMs, () => {
      this.#timer = undefined
      this.#flushDirty()
    })
  }

  #flushDirty(): void {
    const dirty = [...this.#dirty]
    this.#dirty.clear()
    for (const holding of dirty) {
      const underWay = this.#underWay.get(holding)
      if (underWay === undefined) void this.#send(holding)
      else void underWay.done.then(() => this.touch(holding))
    }
  }

  #send(holding: Holding): Promise<void> {
    const consumer = this.#consumer
    if (consumer === undefined || holding.isOver) return Promise.resolve()
    const fresh = holding.progress.takeFresh()
    const progress = holding.progress.snapshot(fresh)
    if (progress === undefined) return Promise.resolve()
    const state = `${progress.next} ${progress.record}`
    if (fresh.length === 0 && this.#last.get(holding) === state) return Promise.resolve()
    const acknowledge = async (): Promise<void> =>
      consumer.acknowledge(holding.partition, holding.epoch, progress)
    const sent = acknowledge().then(
      () => {
        this.#last.set(holding, state)
        this.#consumption.report.clear('ACKNOWLEDGE_FAILED', this.#subject(holding))
      },
      (error: unknown) => this.#failed(holding, fresh, error),
    )
    const done = sent.finally(() => this.#underWay.delete(holding))
    this.#underWay.set(holding, { done, fresh })
    return done
  }

  #failed(holding: Holding, fresh: readonly FinishedRef[], error: unknown): void {
    if (holding.isOver) return
    holding.progress.putBack(fresh)
    this.#consumption.report.raise({
      code: 'ACKNOWLEDGE_FAILED',
      subject: this.#subject(holding),
      message: `What is finished could not be acknowledged (${redact(error instanceof Error ? error.message : String(error))}); it is tried again, and comes again if this process ends before.`,
      details: { partition: holding.partition, messages: fresh.length },
    })
    this.#dirty.add(holding)
    this.#scheduleLater()
  }

  #subject(holding: Holding): string {
    return partitionSubject(this.#consumption, holding.partition)
  }
}
