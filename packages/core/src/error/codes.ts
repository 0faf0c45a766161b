/** Every code an error of Waybill's can carry. Codes are added, never changed or reused. */
export const errorCodes = [
  // configuration: thrown at creation or at the call, before anything is sent
  'CONFIG_INVALID',
  'TOPIC_UNDECLARED',
  'TOPIC_DUPLICATE',
  'NAME_INVALID',
  'NAME_CONFLICT',
  'GROUP_UNDECLARED',
  'GROUP_SUBSCRIBED_TWICE',
  'GROUP_MISSES_BACKLOG',
  'TOPIC_HAS_NO_GROUPS',
  'HANDLER_NOT_A_FUNCTION',
  'CAPABILITY_MISSING',
  // the broker differs from what was declared
  'TOPOLOGY_CONFLICT',
  'TOPOLOGY_DRIFT',
  'DURABILITY_WEAK',
  'CLIENT_INCOMPATIBLE',
  // connection
  'BROKER_UNREACHABLE',
  'AUTHENTICATION_FAILED',
  'NOT_AUTHORISED',
  'TLS_FAILED',
  'CONNECTION_LOST',
  // publishing
  'SCHEMA_REFUSED',
  'KEY_INVALID',
  'VALUE_NOT_SERIALIZABLE',
  'HEADER_INVALID',
  'MESSAGE_INVALID',
  'MESSAGE_TOO_LARGE',
  'UNROUTABLE',
  'REJECTED_BY_BROKER',
  'NOT_STORED_EVERYWHERE',
  'PUBLISH_TIMEOUT',
  'PUBLISH_ABORTED',
  'EARLIER_OF_KEY_FAILED',
  'OVERTAKEN',
  'QUEUE_FULL',
  // consuming
  'DECODE_FAILED',
  'HANDLER_FAILED',
  'HANDLER_TIMEOUT',
  'PARTITION_LOST',
  'PARTITION_STALLED',
  'PARTITION_NOT_HELD',
  'OFFSET_OUT_OF_RANGE',
  'PROGRESS_IGNORED',
  'ACKNOWLEDGE_FAILED',
  'CONSUMER_ENDED',
  // lifecycle
  'CLOSED',
  'CLOSE_TIMEOUT',
] as const

export type ErrorCode = (typeof errorCodes)[number]
