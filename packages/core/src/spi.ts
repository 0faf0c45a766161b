/**
 * What a transport implements, and the few things of core it may build on. Applications import
 * `@waybill/core`; only drivers and test kits import this.
 */
export type { Capabilities } from './transport/capabilities.js'
export type {
  Assignment,
  ConsumerRequest,
  Membership,
  PartitionEpoch,
  Progress,
} from './transport/membership.js'
export type {
  Attributes,
  Batch,
  IncomingBatch,
  IncomingRecord,
  OutgoingRecord,
  RawHeader,
  RawHeaderValue,
} from './transport/record.js'
export type { ConnectionState, Problem, Reporter } from './transport/report.js'
export type { DeclaredTopic, GroupTopology, PartitionBacklog, TopicTopology } from './transport/topology.js'
export type {
  Outcome,
  Transport,
  TransportConsumer,
  TransportContext,
  TransportPublisher,
} from './transport/transport.js'
export { systemClock } from './clock.js'
export type { Clock, Timer } from './clock.js'
export { backoff } from './policy/backoff.js'
export type { Backoff } from './policy/backoff.js'
export { WaybillError, isWaybillError } from './error/waybill-error.js'
export type { WaybillErrorInit } from './error/waybill-error.js'
export { errorCodes } from './error/codes.js'
export type { ErrorCode } from './error/codes.js'
export { ClosedError, ConfigError, ConnectionError, TopologyError } from './error/kinds.js'
export type { ConfigProblem } from './error/kinds.js'
export { choice, number, refuseUnknown, resolveOptions, show, text } from './option/option.js'
export type { Option, OptionTable } from './option/option.js'
export { redact } from './error/redact.js'
export { silentLogger } from './bus/logger.js'
export type { Logger } from './bus/logger.js'
