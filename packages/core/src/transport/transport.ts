import type { Clock } from '../clock.js'
import type { Logger } from '../bus/logger.js'
import type { WaybillError } from '../error/waybill-error.js'
import type { Capabilities } from './capabilities.js'
import type { ConsumerRequest, Membership, Progress } from './membership.js'
import type { Batch } from './record.js'
import type { Reporter } from './report.js'
import type { DeclaredTopic, PartitionBacklog, TopicTopology } from './topology.js'

/** What a transport gets from the bus that owns it. */
export interface TransportContext {
  /** Names this process to the broker. */
  readonly clientId: string
  readonly clock: Clock
  readonly logger: Logger
  readonly report: Reporter
}

/**
 * A broker, seen by the engines: it moves bytes and reports what happened; it has no policy.
 * The bus calls `connect` once, everything else after it, and `close` once; a transport need not
 * guard against other orders.
 */
export interface Transport {
  readonly name: string
  readonly capabilities: Capabilities
  /**
   * Resolves when the broker has answered and let us in. Connections lost later are restored by the
   * transport itself, with jittered backoff, until `close`.
   * @throws ConnectionError `BROKER_UNREACHABLE`, `AUTHENTICATION_FAILED`, `TLS_FAILED`
   */
  connect(context: TransportContext): Promise<void>
  /**
   * Makes sure that what the topic needs exists, and keeps it so across reconnects. Idempotent: adds
   * groups, refuses any other difference, never deletes, never weakens.
   * @throws TopologyError `TOPOLOGY_CONFLICT`, `DURABILITY_WEAK`; ConfigError `GROUP_MISSES_BACKLOG`
   */
  declare(topic: TopicTopology): Promise<DeclaredTopic>
  openPublisher(): Promise<TransportPublisher>
  /** Resolves once the member holds partitions or stands by for some. */
  openConsumer(request: ConsumerRequest, membership: Membership): Promise<TransportConsumer>
  /** What the broker still has for a group. */
  inspect(topic: TopicTopology, group: string): Promise<readonly PartitionBacklog[]>
  /** Ends every connection. Publishers and consumers have been closed before. */
  close(): Promise<void>
}

/** What became of one record. */
export type Outcome =
  | { readonly status: 'stored'; readonly position?: number }
  /** Surely not stored. `retryable`: sending again may help. `wholeBatch`: smaller batches may help. */
  | { readonly status: 'rejected'; readonly error: WaybillError; readonly wholeBatch?: boolean }
  /** May be stored. */
  | { readonly status: 'unknown'; readonly error: WaybillError }

export interface TransportPublisher {
  /**
   * Sends one batch and resolves with one outcome per record, in order; never rejects. May wait for
   * its connection until `signal` aborts, then answers promptly with what it knows.
   * With `inFlightPerPartition: 1` the engine waits for it before it sends more of that partition.
   */
  send(batch: Batch, signal: AbortSignal): Promise<readonly Outcome[]>
  /** A batch with unknown outcome will not be sent again: nothing later may be mistaken for it. */
  abandon(batch: Batch): void
  /** Resolves when nothing is in flight and the publisher's connections are closed. */
  close(): Promise<void>
}

export interface TransportConsumer {
  /**
   * Tells the broker how far a partition is done. Resolves when the broker has it, or when it was
   * handed to the connection where the broker does not answer. Does nothing for an epoch that ended.
   * @throws WaybillError `ACKNOWLEDGE_FAILED` when it should be tried again
   */
  acknowledge(partition: number, epoch: number, progress: Progress): Promise<void>
  /** Leaves the group. The engine has finished and acknowledged; what is unfinished goes to other members, in order. */
  leave(): Promise<void>
  /** Stops and restarts intake of one partition. Only where `capabilities.pausable`. */
  pause?(partition: number): void
  resume?(partition: number): void
  /** Goes on at `position`, giving up what is before it. Only where `capabilities.stablePositions`. */
  skipTo?(partition: number, position: number): Promise<void>
}
