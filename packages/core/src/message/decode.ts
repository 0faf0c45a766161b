import { WaybillError } from '../error/waybill-error.js'
import type { ErasedTopic } from '../topic/topic.js'
import { isThenable } from '../thenable.js'
import type { StandardResult } from '../topic/standard-schema.js'
import type { IncomingRecord } from '../transport/record.js'
import { hasMark, nullMark } from './marks.js'
import { describeIssues } from './validate.js'

/** The body of a record: `null` is a tombstone, also where the wire marks an empty body as one. */
export function bodyOf(record: IncomingRecord): Uint8Array | null {
  if (record.body === null || record.body.byteLength > 0) return record.body
  return hasMark(record.rawHeaders, nullMark) ? null : record.body
}

/**
 * The value a handler gets; a promise only where the schema answers with one.
 * @throws WaybillError `DECODE_FAILED`
 */
export function decodeValue(topic: ErasedTopic, record: IncomingRecord): unknown {
  const fail = (reason: string, cause?: unknown): WaybillError =>
    new WaybillError({ code: 'DECODE_FAILED', message: reason, ...(cause === undefined ? {} : { cause }) })
  const body = bodyOf(record)
  if (body === null) {
    if (topic.tombstones) return null
    throw fail('it is a tombstone, and the topic is not declared with `tombstones: true`')
  }
  let value: unknown
  try {
    value = topic.codec.decode(body)
  } catch (cause) {
    throw fail(`its ${body.byteLength} bytes are not ${topic.codec.contentType}`, cause)
  }
  if (topic.schema === undefined) return value
  const take = (result: StandardResult<unknown>): unknown => {
    if (result.issues !== undefined) throw fail(`its schema refuses it: ${describeIssues(result.issues)}`)
    return result.value
  }
  const threw = (cause: unknown): never => {
    throw cause instanceof WaybillError ? cause : fail('its schema threw; see the cause', cause)
  }
  const { validate } = topic.schema['~standard']
  try {
    const result = validate(value)
    return isThenable(result) ? Promise.resolve(result).then(take).catch(threw) : take(result)
  } catch (cause) {
    return threw(cause)
  }
}
