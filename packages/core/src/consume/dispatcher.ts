import { redact } from '../error/redact.js'
import { Fifo } from '../fifo.js'
import { delayAfter } from '../policy/retry.js'
import { messageSubject, tellSkipped, type Consumption } from './consumption.js'
import type { Delivery } from './delivery.js'
import { HandlerWatch } from './handler-watch.js'
import { invoke, type Failure } from './invoke.js'
import type { Lane } from './lane.js'
import type { Partition } from './partition.js'
import { Run } from './run.js'

export interface DispatcherEvents {
  /** A delivery needs no more: its handler succeeded, or it is a duplicate. */
  readonly finished: (partition: Partition, delivery: Delivery) => void
}

/**
 * Runs handlers: at most `concurrency` at once, one for each lane. A lane whose handler threw is
 * parked and holds no place meanwhile.
 */
export class Dispatcher {
  readonly #consumption: Consumption
  readonly #finished: DispatcherEvents['finished']
  readonly #ready = new Fifo<{ readonly partition: Partition; readonly lane: Lane }>()
  readonly #runs = new Set<Run>()
  readonly #watch: HandlerWatch
  #scheduled = false
  isPaused = false
  #whenQuiet: (() => void)[] = []

  constructor(consumption: Consumption, events: DispatcherEvents) {
    this.#consumption = consumption
    this.#finished = events.finished
    this.#watch = new HandlerWatch(consumption, this.#runs)
  }

  get running(): number {
    return this.#runs.size
  }

  /** A lane may have something to start. */
  offer(partition: Partition, lane: Lane): void {
    if (lane.isQueued || !lane.canStart) return
    lane.isQueued = true
    this.#ready.push({ partition, lane })
    this.schedule()
  }

  schedule(): void {
    if (this.#scheduled) return
    this.#scheduled = true
    queueMicrotask(() => {
      this.#scheduled = false
      this.#dispatch()
    })
  }

  /** Aborts the signals of the runs that `which` chooses. */
  abort(which: (run: Run) => boolean, reason: Error): number {
    const chosen = [...this.#runs].filter(which)
    for (const run of chosen) run.abort(reason)
    return chosen.length
  }

  /** A delivery is let go: what was wrong with it is no longer wrong here. */
  forget(delivery: Delivery): void {
    this.#consumption.report.clear('DECODE_FAILED', messageSubject(this.#consumption, delivery))
  }

  /** The subscription is closed: what still runs is no longer watched. */
  stop(): void {
    this.#watch.stop()
  }

  quiet(): Promise<void> {
    return this.#runs.size === 0 ? Promise.resolve() : new Promise((resolve) => this.#whenQuiet.push(resolve))
  }

  #dispatch(): void {
    // Once around: lanes that must wait for their partition's progress go to the end.
    for (
      let rest = this.#ready.size;
      rest > 0 && !this.isPaused && this.#runs.size < this.#consumption.concurrency;
      rest--
    ) {
      const { partition, lane } = this.#ready.shift()!
      lane.isQueued = false
      const delivery = lane.canStart ? lane.head() : undefined
      if (delivery === undefined) partition.dropIfIdle(lane)
      else if (!delivery.holding.mayStart) continue
      else if (delivery.holding.progress.isFull && delivery.holding.progress.oldest !== delivery)
        this.#requeue(partition, lane)
      else this.#start(partition, lane, delivery)
    }
  }

  #requeue(partition: Partition, lane: Lane): void {
    lane.isQueued = true
    this.#ready.push({ partition, lane })
  }

  #start(partition: Partition, lane: Lane, delivery: Delivery): void {
    const duplicate = this.#duplicate(partition, delivery)
    if (duplicate !== undefined) {
      this.#skip(partition, lane, delivery, duplicate)
      return
    }
    const run = new Run(delivery, this.#consumption.clock.now())
    lane.run = run
    this.#runs.add(run)
    delivery.holding.started()
    this.#watch.start()
    invoke(this.#consumption, run, (failure) => this.#ended(partition, lane, run, failure))
  }

  #duplicate(partition: Partition, delivery: Delivery): 'finished' | 'twin' | undefined {
    const now = this.#consumption.clock.now()
    if (partition.unacknowledged.take(delivery, now)) return 'finished'
    return partition.twins.isTwin(delivery) ? 'twin' : undefined
  }

  #skip(partition: Partition, lane: Lane, delivery: Delivery, reason: 'finished' | 'twin'): void {
    lane.current = undefined
    tellSkipped(this.#consumption, delivery, reason)
    this.#finished(partition, delivery)
    this.#next(partition, lane)
    this.schedule()
  }

  #ended(partition: Partition, lane: Lane, run: Run, failure: Failure | undefined): void {
    if (run.isOver) return
    run.isOver = true
    const { delivery } = run
    const { holding } = delivery
    this.#runs.delete(run)
    lane.run = undefined
    this.#watch.ended(run)
    if (failure === undefined) {
      lane.current = undefined
      this.#finished(partition, delivery)
    } else if (holding.isOver) {
      lane.current = undefined
    } else if (!failure.isDecoded) {
      this.#hold(lane, delivery, failure.error)
    } else {
      this.#park(partition, lane, delivery, failure.error)
    }
    holding.ended()
    this.#next(partition, lane)
    this.schedule()
    if (this.#runs.size === 0) for (const resolve of this.#whenQuiet.splice(0)) resolve()
  }

  #next(partition: Partition, lane: Lane): void {
    if (lane.isIdle) partition.dropIfIdle(lane)
    else this.offer(partition, lane)
  }

  /** The handler threw: the key waits, other keys go on. */
  #park(partition: Partition, lane: Lane, delivery: Delivery, error: unknown): void {
    const { clock, retry, report } = this.#consumption
    const delayMs = delayAfter(retry, delivery.attempts)
    report.note({
      code: 'HANDLER_FAILED',
      subject: messageSubject(this.#consumption, delivery),
      message: `The handler threw (${describe(error)}) at attempt ${delivery.attempts}; its key waits ${delayMs} ms and it runs again.`,
      details: { id: delivery.id, partition: partition.number, attempt: delivery.attempts, delayMs, error },
    })
    if (!delivery.holding.mayStart) return
    lane.parked = clock.after(delayMs, () => {
      lane.parked = undefined
      this.offer(partition, lane)
    })
  }

  /** Nothing will make it readable while this process runs: its key is held, so that nothing is lost or overtaken. */
  #hold(lane: Lane, delivery: Delivery, error: unknown): void {
    lane.isHeld = true
    this.#consumption.report.raise({
      code: 'DECODE_FAILED',
      subject: messageSubject(this.#consumption, delivery),
      message: `A message cannot be decoded: ${error instanceof Error ? error.message : String(error)}. Its key is held and nothing is lost; deploy a version that can read it, or skip it on the broker.`,
      details: { id: delivery.id, partition: delivery.holding.partition, position: delivery.position, error },
    })
  }
}

const describe = (error: unknown): string =>
  error instanceof Error ? redact(`${error.name}: ${error.message}`) : `a ${typeof error}`
