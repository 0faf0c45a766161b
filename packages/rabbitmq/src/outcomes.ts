import { WaybillError, isWaybillError } from '@waybill/core/spi'
import type { Batch, Outcome } from '@waybill/core/spi'
import { errorText } from './errors.js'

/** amqplib tells a nack from a lost channel by the text of a plain Error only. What is not surely a nack is unknown. */
export function isNack(error: unknown): boolean {
  return errorText(error) === 'message nacked'
}

/**
 * The broker refused a message. With one group bound it is stored nowhere; with several it may be in some
 * of their queues, for a nack only means "not in all of them".
 */
export function nacked(batch: Batch, groups: number): Outcome {
  const subject = `A message for topic ${batch.topic}, partition ${batch.partition}`
  if (groups === 1) {
    const message = `${subject} was refused by RabbitMQ (basic.nack), as it does when a queue is full or has no leader. Publish it again later.`
    return {
      status: 'rejected',
      error: new WaybillError({ code: 'REJECTED_BY_BROKER', message, retryable: true }),
    }
  }
  const message = `${subject} was refused by the queue of at least one of ${groups} groups (basic.nack), and may be stored for the others. Publish it again with the same id.`
  return {
    status: 'unknown',
    error: new WaybillError({ code: 'NOT_STORED_EVERYWHERE', message, retryable: true }),
  }
}

/** The message was routed to no queue (basic.return); the confirm that follows means nothing. */
export function unroutable(batch: Batch): Outcome {
  const message = `A message for topic ${batch.topic}, partition ${batch.partition}, reached no queue: the topic's queues or bindings have vanished. They are being declared again; publish it once more.`
  return {
    status: 'rejected',
    error: new WaybillError({
      code: 'UNROUTABLE',
      message,
      details: { topic: batch.topic, partition: batch.partition },
    }),
  }
}

export function tooLarge(batch: Batch, sizeBytes: number, limitBytes: number): Outcome {
  const message = `A message of ${sizeBytes} bytes for topic ${batch.topic} is larger than the ${limitBytes} bytes RabbitMQ takes (max_message_size). Publish less, or where to find it.`
  return {
    status: 'rejected',
    error: new WaybillError({ code: 'MESSAGE_TOO_LARGE', message, details: { sizeBytes, limitBytes } }),
  }
}

/** Nothing of the message reached the connection. */
export function neverSent(why: string): Outcome {
  const message = `A message was not sent: ${why}. It is surely not stored; publish it again once status() shows the connection.`
  return {
    status: 'rejected',
    error: new WaybillError({ code: 'BROKER_UNREACHABLE', message, retryable: true }),
  }
}

export function mayBeStored(why: string, cause?: unknown): Outcome {
  const message = `RabbitMQ did not confirm a message: ${why}. It may be stored; publish it again with the same id.`
  return {
    status: 'unknown',
    error: new WaybillError({ code: 'CONNECTION_LOST', message, retryable: true, cause }),
  }
}

/** AMQP cannot carry the message: amqplib refused to encode it, before anything was sent. */
export function cannotBeSent(batch: Batch, error: unknown): Outcome {
  if (isWaybillError(error)) return { status: 'rejected', error }
  const text = errorText(error)
  const code = /table|header|type to encode|Decimal/i.test(text) ? 'HEADER_INVALID' : 'MESSAGE_INVALID'
  const message = `A message for topic ${batch.topic} cannot be carried by AMQP: ${text}. Shorten the id, type, content type or headers it names.`
  return { status: 'rejected', error: new WaybillError({ code, message, cause: error }) }
}
