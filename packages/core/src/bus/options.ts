import { choice, number, text, type OptionTable } from '../option/option.js'
import type { Transport } from '../transport/transport.js'
import type { AnyTopic } from '../topic/topic.js'
import type { Clock } from '../clock.js'
import type { RetryPolicy } from '../policy/retry.js'
import type { Logger } from './logger.js'

/** Settings of a bus; `docs/options.md` has defaults and bounds. */
export interface BusSettings {
  /** CloudEvents `source` of what this bus publishes. @default `waybill:<clientId>` */
  readonly source?: string
  /** Names this process to the broker. @default host name, process id and a random part */
  readonly clientId?: string
  /** Longest a publish waits for its outcome. Unknown outcomes are sent again within it. @default 30_000 */
  readonly publishTimeoutMs: number
  /** Publishes without an outcome at once; one more is rejected with `QUEUE_FULL`. A `publishMany` is admitted whole. @default 10_000 */
  readonly maxUnconfirmed: number
  /** The same bound in bytes. @default 64 MiB */
  readonly maxUnconfirmedBytes: number
  /** Most messages in one batch of a partition. @default 1_000 */
  readonly maxBatchMessages: number
  /** Most bytes in one batch of a partition; the topic's own limit counts as well. @default 900 KiB */
  readonly maxBatchBytes: number
  /** Whether a message whose outcome is unknown is sent again within `publishTimeoutMs`. @default true */
  readonly retryUnknown: boolean
  /** When a message is given up, queued ones of its key go on, or fail with `EARLIER_OF_KEY_FAILED`. @default 'continue' */
  readonly onGiveUp: 'continue' | 'fail-key'
  /** Longest that `close()` waits for handlers and publishes. @default 30_000 */
  readonly closeTimeoutMs: number
  /** `'strict'`: storage weaker than the cluster can give is an error. `'as-is'`: takes what exists. @default 'strict' */
  readonly durability: 'strict' | 'as-is'
}

export const busOptionTable: OptionTable<BusSettings> = {
  source: text(),
  clientId: text(),
  publishTimeoutMs: number(30_000, 100, 3_600_000),
  maxUnconfirmed: number(10_000, 1, 1_000_000),
  maxUnconfirmedBytes: number(67_108_864, 1_024, 8_589_934_592),
  maxBatchMessages: number(1_000, 1, 10_000),
  maxBatchBytes: number(921_600, 1_024, 104_857_600),
  retryUnknown: choice(true, [true, false]),
  onGiveUp: choice('continue', ['continue', 'fail-key']),
  closeTimeoutMs: number(30_000, 0, 3_600_000),
  durability: choice('strict', ['strict', 'as-is']),
}

/** Settings of one subscription; `docs/options.md` has defaults and bounds. */
export interface SubscribeSettings {
  /** Handlers at once in this member; never two for one key. @default 16 */
  readonly concurrency: number
  /** After it a handler's `signal` aborts. A rebalance waits for handlers this long, and 10 s more. @default 60_000 */
  readonly handlerTimeoutMs: number
  /** How often progress is committed, where it is committed (Kafka). @default 1_000 */
  readonly commitIntervalMs: number
  /**
   * Bound on what is received and not finished. Where intake can be paused it is kept, and 64 MiB by
   * default; elsewhere the worst case is checked against it at start.
   */
  readonly maxBufferedBytes?: number
}

export const subscribeOptionTable: OptionTable<SubscribeSettings> = {
  concurrency: number(16, 1, 10_000),
  handlerTimeoutMs: number(60_000, 100, 3_600_000),
  commitIntervalMs: number(1_000, 10, 60_000),
  maxBufferedBytes: number(undefined, 1_024, 17_179_869_184),
}

export interface BusOptions extends Partial<BusSettings> {
  /** `memory()`, `kafka({ brokers })`, `rabbitmq({ url })`. The bus owns it. */
  readonly transport: Transport
  /** Declared on connect rather than at their first use. */
  readonly topics?: readonly AnyTopic[]
  /** @default prints nothing */
  readonly logger?: Logger
  /** @default the system's */
  readonly clock?: Clock
}

export interface SubscribeOptions<Group extends string = string> extends Partial<SubscribeSettings> {
  /** One of the topic's declared groups. */
  readonly group: Group
  /** Wait between two runs of a handler that threw. @default exponential() */
  readonly retry?: RetryPolicy
}
