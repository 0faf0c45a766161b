import type { Handler } from '../message/message.js'
import type { AnyTopic, GroupOf, InputOf, OutputOf, Topic } from '../topic/topic.js'
import type { Problem, ConnectionState } from '../transport/report.js'
import type { Receipt, PublishOptions, PublishOutcome } from '../publish/receipt.js'
import type { BusEventOf, BusEventType } from './events.js'
import type { SubscribeOptions } from './options.js'
import type { CloseOptions, CloseResult, Subscription, SubscriptionStatus } from './subscription.js'

export interface BusStatus {
  readonly state: 'idle' | 'connecting' | 'connected' | 'closing' | 'closed' | 'failed'
  readonly transport: string
  readonly connections: Readonly<Record<string, ConnectionState>>
  readonly publishing: {
    readonly unconfirmed: number
    readonly unconfirmedBytes: number
    readonly oldestAgeMs: number | undefined
  }
  readonly subscriptions: readonly SubscriptionStatus[]
  /** What is wrong right now. Empty is healthy. */
  readonly problems: readonly Problem[]
}

/** Publishes to and subscribes on one broker. Owns the transport it was given. */
export interface Bus {
  /** Connects; `createBus` needs it once, `connect()` has done it. @throws ConnectionError */
  connect(): Promise<void>
  /**
   * Resolves once the broker has stored the message durably for every declared group. Value, key
   * and headers are encoded before it returns its promise.
   * @throws PublishError with `outcome` and `code`, within `publishTimeoutMs`
   */
  publish<T extends AnyTopic>(topic: T, value: InputOf<T>, options?: PublishOptions): Promise<Receipt>
  /** Publishes in order; resolves with one outcome per input, and never rejects for one of them. */
  publishMany<T extends AnyTopic>(
    topic: T,
    values: readonly InputOf<T>[],
    options?: Omit<PublishOptions, 'id'>,
  ): Promise<readonly PublishOutcome[]>
  /**
   * Joins a group. Resolves once the member is assigned partitions or stands by for some.
   * @throws ConfigError, ConnectionError, TopologyError
   */
  subscribe<T extends AnyTopic>(
    topic: T,
    options: SubscribeOptions<GroupOf<T>>,
    handler: Handler<OutputOf<T>>,
  ): Promise<Subscription>
  on<K extends BusEventType>(type: K, listener: (event: BusEventOf<K>) => void): () => void
  status(): BusStatus
  /**
   * Stops intake, lets running handlers finish (they may still publish), flushes publishers, then
   * acknowledgements, then closes the connections. Idempotent; safe in a signal handler.
   */
  close(options?: CloseOptions): Promise<CloseResult>
  /** Resolves when the bus has closed: with the error if it ended for good, else `undefined`. */
  closed(): Promise<Error | undefined>
  [Symbol.asyncDispose](): Promise<void>
}

export type { Topic }
