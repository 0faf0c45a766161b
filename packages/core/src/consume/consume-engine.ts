import { within } from '../clock.js'
import type { PartitionsChanged } from '../bus/events.js'
import type { CloseResult, SubscriptionStatus } from '../bus/subscription.js'
import { WaybillError } from '../error/waybill-error.js'
import type { Assignment, Membership, PartitionEpoch } from '../transport/membership.js'
import type { IncomingBatch } from '../transport/record.js'
import type { TransportConsumer } from '../transport/transport.js'
import { Acknowledger } from './acknowledger.js'
import { partitionSubject, tellSkipped, type Consumption } from './consumption.js'
import type { Delivery } from './delivery.js'
import { Dispatcher } from './dispatcher.js'
import { FlowControl } from './flow-control.js'
import type { Holding } from './holding.js'
import { Partition } from './partition.js'
import { partitionStatus } from './partition-status.js'

/** Before a rebalance's deadline, so that a handler can still end in time. */
const abortAheadMs = 2_000

/** One member of a group: what a driver tells it becomes handler runs, and their ends become progress. */
export class ConsumeEngine implements Membership {
  readonly #consumption: Consumption
  readonly #partitions = new Map<number, Partition>()
  readonly #dispatcher: Dispatcher
  readonly #acknowledger: Acknowledger
  readonly #flow: FlowControl
  readonly #onFailed: (error: WaybillError) => void
  #isClosing = false
  #finishedInClosing = 0

  constructor(consumption: Consumption, onFailed: (error: WaybillError) => void) {
    this.#consumption = consumption
    this.#onFailed = onFailed
    this.#dispatcher = new Dispatcher(consumption, {
      finished: (partition, delivery) => this.#finished(partition, delivery),
    })
    this.#acknowledger = new Acknowledger(consumption, (holding, refs) =>
      this.#partition(holding.partition).keep(holding, refs, consumption.clock.now()),
    )
    this.#flow = new FlowControl(consumption)
  }

  /** The driver's consumer is there; what it told before counts. */
  attach(consumer: TransportConsumer): void {
    this.#acknowledger.attach(consumer)
    this.#flow.attach(consumer)
  }

  assigned(list: readonly Assignment[]): void {
    const { capabilities, report } = this.#consumption
    for (const assignment of list) {
      const partition = this.#partition(assignment.partition)
      if (partition.holding !== undefined) this.#end(partition, partition.holding)
      const holding = partition.hold(assignment, capabilities.progressBytes)
      holding.isReleasing = this.#isClosing
      this.#flow.assigned(holding)
      const { ignored } = holding.progress
      if (ignored === undefined) continue
      report.note({
        code: 'PROGRESS_IGNORED',
        subject: partitionSubject(this.#consumption, assignment.partition),
        message: `The progress recorded above the position was not used: ${ignored}. Messages finished above it come again.`,
        details: { partition: assignment.partition, position: assignment.position },
      })
    }
    this.#tell('partitions.assigned', list)
  }

  async revoking(list: readonly PartitionEpoch[], deadlineMs: number): Promise<void> {
    const { clock } = this.#consumption
    const holdings = this.#holdings(list)
    for (const holding of holdings) holding.isReleasing = true
    const late = clock.after(Math.max(0, deadlineMs - abortAheadMs), () => this.#abort(holdings))
    await within(clock, this.#settle(holdings), deadlineMs)
    late.cancel()
    for (const holding of holdings) this.#end(this.#partition(holding.partition), holding)
    this.#tell('partitions.revoked', list)
  }

  lost(list: readonly PartitionEpoch[]): void {
    const holdings = this.#holdings(list)
    for (const holding of holdings) this.#end(this.#partition(holding.partition), holding)
    this.#abort(holdings)
    if (holdings.length > 0) this.#tell('partitions.lost', holdings)
  }

  records(number: number, epoch: number, batch: IncomingBatch): void {
    const partition = this.#partition(number)
    const holding = partition.holdingOf(epoch)
    if (holding === undefined) return
    const now = this.#consumption.clock.now()
    for (const record of batch.records) {
      const { lane, delivery, isFinished } = partition.accept(record, holding, now)
      this.#flow.received(holding)
      if (isFinished) this.#recorded(partition, delivery)
      else this.#dispatcher.offer(partition, lane)
      partition.dropIfIdle(lane)
    }
    holding.progress.reach(batch.next)
    if (holding.progress.unfinished === 0) this.#acknowledger.touch(holding)
  }

  failed(error: WaybillError): void {
    this.lost([...this.#held()])
    this.#onFailed(error)
  }

  /** Starts nothing more; resolves when no handler runs. */
  pause(): Promise<void> {
    this.#dispatcher.isPaused = true
    return this.#dispatcher.quiet()
  }

  resume(): void {
    this.#dispatcher.isPaused = false
    this.#dispatcher.schedule()
  }

  /** Stops intake and waits for handlers; at the timeout their signals abort. */
  async drain(timeoutMs: number): Promise<CloseResult> {
    const { clock } = this.#consumption
    this.#isClosing = true
    const held = [...this.#held()]
    for (const holding of held) holding.isReleasing = true
    if (timeoutMs > 0) await within(clock, this.#dispatcher.quiet(), timeoutMs)
    const reason = new WaybillError({
      code: 'CLOSE_TIMEOUT',
      message: 'close() ran out of time; the message comes again.',
    })
    const aborted = this.#dispatcher.abort(() => true, reason)
    const returned = held
      .filter((holding) => !holding.isOver)
      .reduce((sum, holding) => sum + holding.progress.unfinished - holding.running, 0)
    return { finished: this.#finishedInClosing, aborted, returned }
  }

  /** Acknowledges what finished, and lets everything go. */
  async release(timeoutMs: number): Promise<void> {
    const held = [...this.#held()]
    await within(
      this.#consumption.clock,
      Promise.all(held.map((holding) => this.#acknowledger.flush(holding))),
      timeoutMs,
    )
    this.#acknowledger.stop()
    this.#dispatcher.stop()
    for (const holding of held) this.#end(this.#partition(holding.partition), holding)
  }

  holds(number: number): boolean {
    return this.#partitions.get(number)?.holding !== undefined
  }

  status(): Pick<
    SubscriptionStatus,
    'running' | 'bufferedMessages' | 'bufferedBytes' | 'worstCaseBufferedBytes' | 'partitions'
  > {
    const { topic, capabilities, maxBufferedBytes, clock } = this.#consumption
    const held = [...this.#held()]
    const { window, maxMessageBytes } = topic.topology
    return {
      running: this.#dispatcher.running,
      bufferedMessages: held.reduce((sum, holding) => sum + holding.progress.unfinished, 0),
      bufferedBytes: this.#flow.bufferedBytes,
      worstCaseBufferedBytes: capabilities.pausable
        ? maxBufferedBytes
        : held.length * window * maxMessageBytes,
      partitions: held.map((holding) => partitionStatus(holding, this.#flow.full(holding), clock.now())),
    }
  }

  *#held(): Generator<Holding> {
    for (const { holding } of this.#partitions.values()) if (holding !== undefined) yield holding
  }

  #holdings(list: readonly PartitionEpoch[]): Holding[] {
    return list.flatMap(({ partition, epoch }) => this.#partitions.get(partition)?.holdingOf(epoch) ?? [])
  }

  #partition(number: number): Partition {
    let partition = this.#partitions.get(number)
    if (partition === undefined) {
      partition = new Partition(number, this.#consumption.capabilities.stablePositions)
      this.#partitions.set(number, partition)
    }
    return partition
  }

  async #settle(holdings: readonly Holding[]): Promise<void> {
    await Promise.all(
      holdings.map(async (holding) => {
        await holding.quiet()
        await this.#acknowledger.flush(holding)
      }),
    )
  }

  #finished(partition: Partition, delivery: Delivery): void {
    const { holding, record } = delivery
    const now = this.#consumption.clock.now()
    if (holding.isOver) return partition.keep(holding, [delivery], now)
    if (this.#isClosing) this.#finishedInClosing++
    holding.progress.finish(delivery)
    holding.bufferedBytes -= record.sizeBytes
    partition.twins.add(delivery, now)
    this.#flow.released(holding)
    this.#acknowledger.touch(holding)
  }

  #recorded(partition: Partition, delivery: Delivery): void {
    tellSkipped(this.#consumption, delivery, 'recorded')
    this.#finished(partition, delivery)
  }

  #end(partition: Partition, holding: Holding): void {
    partition.end(holding, this.#consumption.clock.now())
    this.#flow.ended(holding)
    this.#acknowledger.ended(holding)
    for (const delivery of holding.progress.unfinishedDeliveries()) this.#dispatcher.forget(delivery)
  }

  #abort(holdings: readonly Holding[]): void {
    const reason = new WaybillError({
      code: 'PARTITION_LOST',
      message: 'The partition has gone to another member, or is about to; the message comes again there.',
    })
    this.#dispatcher.abort((run) => holdings.includes(run.delivery.holding), reason)
  }

  #tell(type: PartitionsChanged['type'], list: readonly PartitionEpoch[]): void {
    const { topic, group, clock, emit } = this.#consumption
    emit({
      type,
      atMs: clock.wallMs(),
      topic: topic.name,
      group,
      partitions: list.map(({ partition }) => partition),
    })
  }
}
