import type { WaybillError } from '../error/waybill-error.js'
import type { IncomingBatch } from './record.js'
import type { TopicTopology } from './topology.js'

/** One holding of a partition. A later holding of the same partition has a higher epoch. */
export interface PartitionEpoch {
  readonly partition: number
  readonly epoch: number
}

export interface Assignment extends PartitionEpoch {
  /** Where reading starts, where the broker has offsets. */
  readonly position?: number
  /** The opaque record of the last acknowledgement, if the broker keeps one. */
  readonly record?: string
  /** Changes when the topic is made anew; `''` where the broker cannot tell. */
  readonly logId: string
}

/**
 * What a driver tells the consume engine, which implements it once. Calls for an epoch that has
 * ended are ignored.
 */
export interface Membership {
  /** This member holds these partitions from now on. Records may follow at once. */
  assigned(list: readonly Assignment[]): void
  /**
   * The partitions are about to be given up. Resolves when running handlers have finished, what they
   * finished is acknowledged, and the rest is released: only then may anyone else get them. The
   * driver keeps the session alive meanwhile. At `deadlineMs` (from now) it resolves all the same;
   * 2 s before, the handlers' signals abort.
   */
  revoking(list: readonly PartitionEpoch[], deadlineMs: number): Promise<void>
  /** Too late: the partitions are gone. Signals abort; nothing of these epochs is acknowledged any more. */
  lost(list: readonly PartitionEpoch[]): void
  /** Returns at once; the engine owns the records from here on. */
  records(partition: number, epoch: number, batch: IncomingBatch): void
  /** The consumer has ended and will not come back by itself. */
  failed(error: WaybillError): void
}

export interface ConsumerRequest {
  readonly topic: TopicTopology
  readonly group: string
  /** Unique in the group; for logs, and for placing partitions on members. */
  readonly memberId: string
  /** A handler's longest run: a rebalance has to wait for it. */
  readonly handlerTimeoutMs: number
}

/** How far a partition is done. */
export interface Progress {
  /** Everything below is finished. */
  readonly next: number
  /** Finished at or above `next` since the last acknowledgement of this epoch, ascending. */
  readonly finished: readonly number[]
  /** At most `capabilities.progressBytes` of ASCII, to be handed back with the next assignment. */
  readonly record: string
}
