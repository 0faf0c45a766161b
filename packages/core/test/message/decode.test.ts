import { z } from 'zod'
import { WaybillError, defineTopic, json, text } from '../../src/index.js'
import type { IncomingRecord } from '../../src/spi.js'
import { bodyOf, decodeValue } from '../../src/message/decode.js'
import type { AnyTopic, ErasedTopic } from '../../src/topic/topic.js'

const empty = new Uint8Array(0)

const incoming = (
  body: Uint8Array | null,
  rawHeaders: IncomingRecord['rawHeaders'] = [],
): IncomingRecord => ({
  position: 0,
  key: null,
  body,
  attributes: {},
  rawHeaders,
  sizeBytes: 0,
})

const decode = (topic: AnyTopic, body: Uint8Array | null): unknown =>
  decodeValue(topic as ErasedTopic, incoming(body))

describe('a value', () => {
  it('is what the schema makes of it', async () => {
    const schema = z.object({ at: z.string().transform((at) => at.length) })
    const later = z.string().transform((value) => Promise.resolve(value.length))
    expect(decode(defineTopic({ name: 'x', schema }), Buffer.from('{"at":"abc"}'))).toEqual({ at: 3 })
    expect(await decode(defineTopic({ name: 'x', schema: later }), Buffer.from('"abc"'))).toBe(3)
  })

  it('is null for a tombstone, where the topic has them', () => {
    const topic = defineTopic({ name: 'x', codec: text, tombstones: true })
    expect(decode(topic, null)).toBeNull()
    expect(decode(topic, empty)).toBe('')
    expect(bodyOf(incoming(empty, [['waybill-null', '1']]))).toBeNull()
    expect(bodyOf(incoming(Uint8Array.of(1), [['waybill-null', '1']]))).toEqual(Uint8Array.of(1))
  })

  it.each<[string, AnyTopic, Uint8Array | null, RegExp]>([
    ['is not JSON', defineTopic({ name: 'x', codec: json() }), Buffer.from('{'), /not application\/json/],
    ['is not UTF-8', defineTopic({ name: 'x', codec: text }), Uint8Array.of(255), /1 bytes are not text/],
    [
      'its schema refuses',
      defineTopic({ name: 'x', schema: z.string() }),
      Buffer.from('5'),
      /schema refuses/,
    ],
    ['is a tombstone the topic does not know', defineTopic({ name: 'x' }), null, /tombstones: true/],
  ])('is refused if it %s', (_, topic, body, reason) => {
    expect(() => decode(topic, body)).toThrow(reason)
    expect(() => decode(topic, body)).toThrow(WaybillError)
  })
})
