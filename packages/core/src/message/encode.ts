import { types } from 'node:util'
import { PublishError } from '../error/kinds.js'
import { show } from '../option/option.js'
import type { PublishOptions } from '../publish/receipt.js'
import type { ErasedTopic } from '../topic/topic.js'
import type { OutgoingRecord, RawHeader } from '../transport/record.js'
import { headerProblem, isPlainText } from './headers.js'
import { newId } from './identity.js'
import { nullMark } from './marks.js'
import { framingBytes, recordBytes } from './record-size.js'
import type { Refuse } from './refuse.js'
import { validate } from './validate.js'

export interface EncodeContext {
  readonly source: string
  readonly wallMs: number
  readonly nullBody: boolean
}

export interface EncodedMessage {
  readonly record: OutgoingRecord
  readonly sizeBytes: number
  /** Set when the schema answers later: the message keeps its place meanwhile. Rejects with a PublishError. */
  readonly validated: Promise<void> | undefined
}

// An AMQP short string.
const maxIdBytes = 255
const emptyBody = new Uint8Array(0)

/**
 * Turns a value into what is sent, now: what the caller changes later is not sent.
 * @throws PublishError `rejected`
 */
export function encodeMessage(
  topic: ErasedTopic,
  value: unknown,
  options: PublishOptions,
  context: EncodeContext,
): EncodedMessage {
  const id = options.id ?? newId(context.wallMs)
  const refuse: Refuse = (code, message, cause) =>
    new PublishError({
      code,
      outcome: 'rejected',
      id,
      topic: topic.name,
      message: `A message was not published to topic "${topic.name}": ${message}`,
      ...(cause === undefined ? {} : { cause }),
    })
  if (typeof id !== 'string' || id === '' || Buffer.byteLength(id) > maxIdBytes || !isPlainText(id)) {
    throw refuse(
      'MESSAGE_INVALID',
      `its id must be a text of 1 to ${maxIdBytes} bytes without control characters, not ${show(id)}.`,
    )
  }
  const timeMs = options.time === undefined ? context.wallMs : timeOf(options.time)
  if (timeMs === undefined) throw refuse('MESSAGE_INVALID', 'its time must be a valid Date after 1970.')
  const isNull = value === null && topic.tombstones
  const validated = isNull ? undefined : validate(topic, value, refuse)
  const key = keyOf(topic, value, isNull, options, refuse)
  const body = isNull ? (context.nullBody ? null : emptyBody) : bodyOf(topic, value, refuse)
  const headers = headersOf(options.headers, refuse)
  if (isNull && !context.nullBody) headers.push([nullMark, '1'])
  const record: OutgoingRecord = {
    attributes: {
      id,
      type: topic.type,
      source: context.source,
      timeMs,
      contentType: topic.codec.contentType,
    },
    key,
    body,
    headers,
  }
  const sizeBytes = recordBytes(record)
  const limit = topic.topology.maxMessageBytes
  if (sizeBytes - framingBytes > limit) {
    throw refuse(
      'MESSAGE_TOO_LARGE',
      `it has ${sizeBytes - framingBytes} bytes and the topic's maxMessageBytes is ${limit}; store the payload elsewhere and send a reference, or raise the limit.`,
    )
  }
  return { record, sizeBytes, validated }
}

function timeOf(time: unknown): number | undefined {
  const ms = time instanceof Date ? time.getTime() : Number.NaN
  return ms >= 0 ? ms : undefined
}

function keyOf(
  topic: ErasedTopic,
  value: unknown,
  isNull: boolean,
  options: PublishOptions,
  refuse: Refuse,
): Uint8Array | null {
  let key: unknown = options.key
  if (key === undefined && topic.key !== undefined && !isNull) {
    try {
      key = topic.key(value)
    } catch (cause) {
      throw refuse('KEY_INVALID', "the topic's key function threw; see the cause.", cause)
    }
  }
  if (key === undefined) {
    if (isNull) throw refuse('KEY_INVALID', 'a tombstone needs a key: pass it as the `key` option.')
    return null
  }
  if (typeof key !== 'string')
    throw refuse(
      'KEY_INVALID',
      `its key must be a string, not ${show(key)}; convert it in the topic's key function.`,
    )
  if (!key.isWellFormed())
    throw refuse('KEY_INVALID', 'its key has half a surrogate pair, which UTF-8 cannot carry.')
  return Buffer.from(key)
}

function bodyOf(topic: ErasedTopic, value: unknown, refuse: Refuse): Uint8Array {
  const { codec } = topic
  const cannot = (why: string, cause?: unknown): PublishError =>
    refuse(
      'VALUE_NOT_SERIALIZABLE',
      `its codec (${codec.contentType}) cannot encode the value: ${why}.`,
      cause,
    )
  let body: unknown
  try {
    body = codec.encode(value)
  } catch (cause) {
    throw cannot(cause instanceof Error ? cause.message.split('\n', 1)[0]! : show(cause), cause)
  }
  if (types.isUint8Array(body)) return body
  throw cannot(`it made ${show(body)}, and a body is a Uint8Array`)
}

function headersOf(given: Readonly<Record<string, string>> | undefined, refuse: Refuse): RawHeader[] {
  const headers: RawHeader[] = []
  if (given === undefined) return headers
  if (typeof given !== 'object' || given === null)
    throw refuse('HEADER_INVALID', `headers must be an object of strings, not ${show(given)}.`)
  for (const [name, value] of Object.entries(given)) {
    const problem = headerProblem(name, value)
    if (problem !== undefined) throw refuse('HEADER_INVALID', `${problem}.`)
    headers.push([name, value])
  }
  return headers
}
