import type { Assignment } from '../transport/membership.js'
import type { IncomingRecord } from '../transport/record.js'
import { Delivery } from './delivery.js'
import { Holding } from './holding.js'
import { Lane } from './lane.js'
import type { FinishedRef } from './progress.js'
import { TwinIds, Unacknowledged } from './recent.js'

/** A partition as this member knows it, over all the times that it held it. */
export class Partition {
  readonly number: number
  readonly twins: TwinIds = new TwinIds()
  readonly unacknowledged: Unacknowledged
  readonly lanes: Map<string, Lane> = new Map()
  holding: Holding | undefined
  #logId: string | undefined

  constructor(number: number, stablePositions: boolean) {
    this.number = number
    this.unacknowledged = new Unacknowledged(stablePositions)
  }

  hold(assignment: Assignment, progressBytes: number): Holding {
    if (this.#logId !== undefined && this.#logId !== assignment.logId) {
      this.twins.clear()
      this.unacknowledged.clear()
    }
    this.#logId = assignment.logId
    this.holding = new Holding(assignment, progressBytes)
    return this.holding
  }

  /** The current holding, if `epoch` is its. */
  holdingOf(epoch: number): Holding | undefined {
    return this.holding?.epoch === epoch && !this.holding.isOver ? this.holding : undefined
  }

  /** Puts a record into its lane. */
  accept(
    record: IncomingRecord,
    holding: Holding,
    now: number,
  ): { lane: Lane; delivery: Delivery; isFinished: boolean } {
    const recalled = holding.progress.recall(record.position)
    const delivery = new Delivery(record, holding, now, recalled.attempts)
    holding.progress.add(delivery)
    holding.bufferedBytes += record.sizeBytes
    let lane = this.lanes.get(delivery.laneKey)
    if (lane === undefined) this.lanes.set(delivery.laneKey, (lane = new Lane(delivery.laneKey)))
    if (!recalled.finished) lane.waiting.push(delivery)
    return { lane, delivery, isFinished: recalled.finished }
  }

  /** Ends a holding: what it finished and could not acknowledge is kept in mind, the rest is let go. */
  end(holding: Holding, now: number): void {
    holding.over()
    this.keep(holding, holding.progress.takeFresh(), now)
    if (this.holding === holding) this.holding = undefined
    for (const lane of this.lanes.values()) {
      lane.release()
      this.dropIfIdle(lane)
    }
  }

  /** Keeps in mind what a holding finished and could not acknowledge, unless its log is not the partition's any more. */
  keep(holding: Holding, refs: readonly FinishedRef[], now: number): void {
    if (holding.logId === this.#logId) for (const ref of refs) this.unacknowledged.add(ref, now)
  }

  /** Not while the dispatcher still has it: there would be two lanes for its key. */
  dropIfIdle(lane: Lane): void {
    if (lane.run === undefined && lane.isIdle && !lane.isQueued) this.lanes.delete(lane.key)
  }
}
