/** What a transport can do. Final once `connect` has resolved; each flag is read by the engines and by a conformance test. */
export interface Capabilities {
  /**
   * Batches of one partition that may be unconfirmed at once. `1`: the next one gathers meanwhile.
   * `'window'`: sends are pipelined.
   */
  readonly inFlightPerPartition: 1 | 'window'
  /**
   * Whether a batch whose outcome is unknown is stored once when the identical batch is sent again
   * (an idempotent producer). If not, records are sent again with the republished mark.
   */
  readonly idempotentResend: boolean
  /**
   * `'commit'`: an acknowledgement is a snapshot of a partition's progress, written every
   * `commitIntervalMs`. `'settle'`: each message is settled at once.
   */
  readonly acknowledgement: 'commit' | 'settle'
  /** Longest `Progress.record` the broker keeps, in bytes; 0 where it remembers each message by itself. */
  readonly progressBytes: number
  /** Whether intake of one partition can be paused. If not, the topic's `window` alone bounds it. */
  readonly pausable: boolean
  /** Whether a redelivered message has the position it had before. */
  readonly stablePositions: boolean
  /** Longest a handler may run before the broker takes its message back; `undefined`: as long as it likes. */
  readonly maxHandlerMs: number | undefined
  /** Whether a group declared after messages were stored can receive them. */
  readonly backlogForNewGroup: boolean
  /** Whether a member that joins takes partitions from running members. If not, it only takes over. */
  readonly rebalancesOnJoin: boolean
  /** Whether a topic without groups stores messages. */
  readonly storesWithoutGroup: boolean
  /** Whether a record can have no body at all, other than an empty one. */
  readonly nullBody: boolean
}
