import { type Batch, type ErrorCode, type Outcome, WaybillError } from '@waybill/core/spi'
import type { KafkaFailure } from './client/kafka-client.js'
import { cleanCause, isAuthorisation, reason } from './errors.js'

type Failed = Exclude<Outcome, { status: 'stored' }>

const tooLarge = ['MESSAGE_TOO_LARGE', 'RECORD_LIST_TOO_LARGE']
const invalid = [
  'INVALID_RECORD',
  'INVALID_TIMESTAMP',
  'CORRUPT_MESSAGE',
  'UNSUPPORTED_FOR_MESSAGE_FORMAT',
  'INVALID_REQUIRED_ACKS',
  'INVALID_TOPIC_EXCEPTION',
]
// The leader has it and too few others: it may survive or not. The broker's own timeout means the same.
const mayBeStored = ['NOT_ENOUGH_REPLICAS_AFTER_APPEND', 'REQUEST_TIMED_OUT', 'UNKNOWN', 'NETWORK_EXCEPTION']

/** What a failed produce request says about every record of its batch. */
export function outcomeOf(failure: KafkaFailure, batch: Batch, secrets: readonly string[]): Failed {
  const where = `partition ${batch.partition} of topic "${batch.topic}"`
  const error = (code: ErrorCode, retryable: boolean, advice: string): WaybillError =>
    new WaybillError({
      code,
      retryable,
      message: `Kafka did not store the message in ${where} (${reason(failure, secrets)}). ${advice}`,
      cause: cleanCause(failure, secrets),
      details: { topic: batch.topic, partition: batch.partition, kafkaError: failure.kind },
    })
  if (failure.mayBeDone || mayBeStored.includes(failure.kind)) {
    const code =
      failure.kind === 'CONNECTION_LOST' || failure.kind === 'CLOSED'
        ? 'CONNECTION_LOST'
        : 'NOT_STORED_EVERYWHERE'
    return {
      status: 'unknown',
      error: error(
        failure.kind === 'TIMEOUT' ? 'CONNECTION_LOST' : code,
        true,
        'It may be stored all the same.',
      ),
    }
  }
  const wholeBatch = batch.records.length > 1
  if (tooLarge.includes(failure.kind)) {
    return {
      status: 'rejected',
      wholeBatch,
      error: error(
        'MESSAGE_TOO_LARGE',
        false,
        "Raise the topic's max.message.bytes, or send a reference to the payload.",
      ),
    }
  }
  if (invalid.includes(failure.kind)) {
    return {
      status: 'rejected',
      wholeBatch,
      error: error(
        'REJECTED_BY_BROKER',
        false,
        "Compare the message with the topic's configuration on the broker.",
      ),
    }
  }
  if (isAuthorisation(failure)) {
    return {
      status: 'rejected',
      error: error(
        'NOT_AUTHORISED',
        false,
        'Grant this user WRITE on the topic, and IDEMPOTENT_WRITE on the cluster.',
      ),
    }
  }
  const reached =
    failure.kind !== 'UNREACHABLE' && failure.kind !== 'CONNECTION_LOST' && failure.kind !== 'TIMEOUT'
  return {
    status: 'rejected',
    error: error(reached ? 'REJECTED_BY_BROKER' : 'BROKER_UNREACHABLE', true, 'It can be sent again.'),
  }
}
