export { connect, createBus } from './bus/create-bus.js'
export type { Bus, BusStatus } from './bus/bus.js'
export type { BusEvent, BusEventOf, BusEventType } from './bus/events.js'
export type { Logger } from './bus/logger.js'
export type { BusOptions, BusSettings, SubscribeOptions, SubscribeSettings } from './bus/options.js'
export type {
  CloseOptions,
  CloseResult,
  PartitionStatus,
  Subscription,
  SubscriptionStatus,
} from './bus/subscription.js'
export { bytes, json, text } from './topic/codec.js'
export type { Codec } from './topic/codec.js'
export { defineTopic } from './topic/define-topic.js'
export type { TopicSettings } from './topic/define-topic.js'
export type { StandardSchema } from './topic/standard-schema.js'
export type { AnyTopic, GroupOf, GroupOptions, InputOf, OutputOf, Topic } from './topic/topic.js'
export { partitionOf } from './topic/partitioner.js'
export type { Handler, Message } from './message/message.js'
export type { PublishOptions, PublishOutcome, Receipt } from './publish/receipt.js'
export { exponential } from './policy/retry.js'
export type { RetryPolicy, RetrySettings } from './policy/retry.js'
export { ClosedError, ConfigError, ConnectionError, PublishError, TopologyError } from './error/kinds.js'
export type { ConfigProblem } from './error/kinds.js'
export { WaybillError, isWaybillError } from './error/waybill-error.js'
export type { ErrorCode } from './error/codes.js'
export type { ConnectionState, Problem } from './transport/report.js'
export type { RawHeader, RawHeaderValue } from './transport/record.js'
export type { Transport } from './transport/transport.js'
