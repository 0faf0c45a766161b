import type { Problem } from '../transport/report.js'

export interface CloseOptions {
  /** Milliseconds to wait for what runs, at most an hour; 0 does not wait. @default the bus's `closeTimeoutMs` */
  readonly timeoutMs?: number
}

/** What a close did with the messages that were in this process. */
export interface CloseResult {
  /** Handlers that ended in time and are acknowledged. */
  readonly finished: number
  /** Handlers that still ran at the deadline: their signals aborted, their messages come again. */
  readonly aborted: number
  /** Messages given back that did not run: not started, or waiting between two tries. */
  readonly returned: number
}

export interface PartitionStatus {
  readonly partition: number
  /** Received and not finished. */
  readonly unfinished: number
  /** Handlers running. */
  readonly running: number
  /** Position below which everything is finished. */
  readonly next: number | undefined
  /** What holds the partition back the longest. */
  readonly oldest:
    | {
        readonly key: string | undefined
        readonly id: string
        readonly ageMs: number
        readonly attempt: number
      }
    | undefined
  /** Why the partition takes nothing in: its window or its progress record is full. */
  readonly full: 'window' | 'progress' | 'bytes' | undefined
}

export interface SubscriptionStatus {
  readonly topic: string
  readonly group: string
  readonly state: 'running' | 'paused' | 'closing' | 'closed' | 'failed'
  readonly running: number
  readonly bufferedMessages: number
  readonly bufferedBytes: number
  /** What the buffers can grow to: held partitions × window × maxMessageBytes, or `maxBufferedBytes` where intake can be paused. */
  readonly worstCaseBufferedBytes: number
  readonly partitions: readonly PartitionStatus[]
  readonly error: Error | undefined
}

/** One member of a group. */
export interface Subscription {
  readonly topic: string
  readonly group: string
  status(): SubscriptionStatus
  /** Starts no more handlers; resolves when none runs. Messages stay where they are. */
  pause(): Promise<void>
  resume(): void
  /**
   * Goes on at `position` in a partition that is stalled there, giving up what is before it.
   * @throws WaybillError `PARTITION_NOT_HELD`, `CAPABILITY_MISSING`
   */
  skipTo(partition: number, position: number): Promise<void>
  /** Stops intake, waits for running handlers, acknowledges what finished and leaves the group. Idempotent. */
  close(options?: CloseOptions): Promise<CloseResult>
  /** Resolves when the subscription has ended: with the error if it ended for good, else `undefined`. */
  closed(): Promise<Error | undefined>
  [Symbol.asyncDispose](): Promise<void>
}

export type { Problem }
