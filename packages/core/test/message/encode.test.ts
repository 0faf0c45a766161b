import { z } from 'zod'
import { PublishError, bytes, defineTopic, text } from '../../src/index.js'
import { encodeMessage, type EncodedMessage } from '../../src/message/encode.js'
import { recordBytes } from '../../src/message/record-size.js'
import type { AnyTopic, ErasedTopic } from '../../src/topic/topic.js'

const context = { source: 'waybill:test', wallMs: Date.UTC(2026, 0, 1), nullBody: true }

const encode = (topic: AnyTopic, value: unknown, options: object = {}, nullBody = true): EncodedMessage =>
  encodeMessage(topic as ErasedTopic, value, options, { ...context, nullBody })

function refusal(topic: AnyTopic, value: unknown, options: object = {}): PublishError {
  try {
    encode(topic, value, options)
  } catch (error) {
    if (error instanceof PublishError) return error
    throw error
  }
  throw new Error('it was not refused')
}

const plain = defineTopic({ name: 'orders' })
const notes = defineTopic({ name: 'notes', codec: text, tombstones: true })

describe('a message', () => {
  it('has the attributes of its topic and bus', () => {
    const topic = defineTopic<{ c: string }>({ name: 'orders', type: 'order.placed', key: ({ c }) => c })
    const { record } = encode(topic, { c: 'é' }, { id: 'x', headers: { a: 'b' } })
    expect(record).toEqual({
      attributes: {
        id: 'x',
        type: 'order.placed',
        source: 'waybill:test',
        timeMs: context.wallMs,
        contentType: 'application/json',
      },
      key: Buffer.from('é'),
      body: Buffer.from('{"c":"é"}'),
      headers: [['a', 'b']],
    })
  })

  it('takes key, id and time from the call before all else', () => {
    const topic = defineTopic<string>({ name: 'orders', key: () => 'of the topic' })
    const { record } = encode(topic, 'v', { key: '', time: new Date(5) })
    expect(record.key).toEqual(Buffer.alloc(0))
    expect(record.attributes.timeMs).toBe(5)
  })

  it('has no key if the topic gives none', () => {
    expect(encode(plain, 1).record.key).toBeNull()
    expect(encode(defineTopic({ name: 'x', key: () => undefined }), 1).record.key).toBeNull()
  })

  it('is what the value was at the call, whatever becomes of it later', () => {
    const blobs = defineTopic({ name: 'blobs', codec: bytes })
    const value = Uint8Array.of(1, 2)
    const headers = { a: 'b' }
    const { record } = encode(blobs, value, { headers })
    value[0] = 9
    headers.a = 'changed'
    expect(record).toMatchObject({ body: Uint8Array.of(1, 2), headers: [['a', 'b']] })
  })

  it('is a tombstone where the topic has them, with the mark where the wire has no null', () => {
    expect(encode(notes, null, { key: 'k' }).record).toMatchObject({ body: null, headers: [] })
    expect(encode(notes, null, { key: 'k' }, false).record).toMatchObject({
      body: new Uint8Array(0),
      headers: [['waybill-null', '1']],
    })
    expect(encode(plain, null).record.body).toEqual(Buffer.from('null'))
  })

  it('counts at least the bytes of its texts', () => {
    const { record, sizeBytes } = encode(plain, 'é'.repeat(100), {
      id: 'é'.repeat(50),
      headers: { é: 'é'.repeat(30) },
    })
    expect(sizeBytes).toBe(recordBytes(record))
    expect(sizeBytes).toBeGreaterThan(202 + 100 + 62)
  })
})

describe('a message that cannot be sent', () => {
  const cyclic: Record<string, unknown> = {}
  cyclic['self'] = cyclic
  const small = defineTopic({ name: 'small', codec: text, maxMessageBytes: 100 })
  const keyed = (key: unknown) => defineTopic({ name: 'keyed', key: () => key as string })
  const throwing = defineTopic({ name: 'keyed', key: () => JSON.parse('{') as string })
  const encoding = (encoded: unknown) =>
    defineTopic({
      name: 'own',
      codec: { contentType: 'x/y', encode: () => encoded as Uint8Array, decode: (body) => body },
    })
  const half = '\ud800'

  it.each<[string, string, AnyTopic, unknown, object]>([
    ['VALUE_NOT_SERIALIZABLE', 'a cycle', plain, cyclic, {}],
    ['VALUE_NOT_SERIALIZABLE', 'a BigInt', plain, { n: 1n }, {}],
    ['VALUE_NOT_SERIALIZABLE', 'undefined', plain, undefined, {}],
    ['VALUE_NOT_SERIALIZABLE', 'a function', plain, () => 1, {}],
    ['VALUE_NOT_SERIALIZABLE', 'what its codec does not take', notes, 5, {}],
    ['VALUE_NOT_SERIALIZABLE', 'a body that is text', encoding('text'), 'v', {}],
    ['VALUE_NOT_SERIALIZABLE', 'a body that is nothing', encoding(undefined), 'v', {}],
    ['KEY_INVALID', 'a number as key', keyed(5), 'v', {}],
    ['KEY_INVALID', 'null as key', keyed(null), 'v', {}],
    ['KEY_INVALID', 'an object as key', plain, 'v', { key: {} }],
    ['KEY_INVALID', 'half a surrogate pair in its key', plain, 'v', { key: half }],
    ['KEY_INVALID', 'a key function that throws', throwing, 'v', {}],
    ['KEY_INVALID', 'a tombstone without a key', notes, null, {}],
    ['HEADER_INVALID', 'a number as header', plain, 'v', { headers: { a: 5 } }],
    ['HEADER_INVALID', 'a line break in a header', plain, 'v', { headers: { a: 'x\r\ny' } }],
    ['HEADER_INVALID', 'a reserved header', plain, 'v', { headers: { ce_id: 'x' } }],
    ['HEADER_INVALID', 'headers that are none', plain, 'v', { headers: 'a=b' }],
    ['HEADER_INVALID', 'null as headers', plain, 'v', { headers: null }],
    ['MESSAGE_INVALID', 'an empty id', plain, 'v', { id: '' }],
    ['MESSAGE_INVALID', 'an id of more than 255 bytes', plain, 'v', { id: 'é'.repeat(128) }],
    ['MESSAGE_INVALID', 'an id with a line break', plain, 'v', { id: 'a\nb' }],
    ['MESSAGE_INVALID', 'a number as id', plain, 'v', { id: 5 }],
    ['MESSAGE_INVALID', 'an invalid time', plain, 'v', { time: new Date(Number.NaN) }],
    ['MESSAGE_INVALID', 'a time before 1970', plain, 'v', { time: new Date(-1) }],
    ['MESSAGE_INVALID', 'a number as time', plain, 'v', { time: 5 }],
    ['MESSAGE_TOO_LARGE', 'more bytes than its topic takes', small, 'x'.repeat(101), {}],
    ['MESSAGE_TOO_LARGE', 'more bytes than characters', small, 'é'.repeat(51), { id: 'x' }],
  ])('is refused with %s: %s', (code, _, topic, value, options) => {
    const error = refusal(topic, value, options)
    expect(error).toMatchObject({ code, outcome: 'rejected', topic: topic.name, retryable: false })
    expect(error.message).toContain(`topic "${topic.name}"`)
  })

  it.each<[string, unknown]>([
    ['refuses', { issues: [{ message: 'too short', path: ['name', { key: 0 }] }] }],
    ['refuses with a promise', Promise.resolve({ issues: [{ message: 'too short', path: ['name', 0] }] })],
  ])('is refused with SCHEMA_REFUSED when its schema %s', async (_, result) => {
    const error = await refusedBy(() => result)
    expect(error).toMatchObject({ code: 'SCHEMA_REFUSED', outcome: 'rejected' })
    expect(error.message).toContain('name.0: too short')
  })

  it.each<[string, () => unknown]>([
    ['throws', () => JSON.parse('{') as unknown],
    ['rejects', () => Promise.reject(new SyntaxError('{'))],
  ])('is refused with SCHEMA_REFUSED when its schema %s, with the cause', async (_, validate) => {
    expect(await refusedBy(validate)).toMatchObject({
      code: 'SCHEMA_REFUSED',
      cause: { name: 'SyntaxError' },
    })
  })

  it('does not show the value in the error', () => {
    const topic = defineTopic({ name: 'x', schema: z.object({ password: z.number() }) })
    expect(refusal(topic, { password: 'hunter2' }).message).not.toContain('hunter2')
  })
})

async function refusedBy(validate: () => unknown): Promise<PublishError> {
  const topic = defineTopic({
    name: 'x',
    schema: { '~standard': { version: 1, vendor: 'test', validate: validate as never } },
  })
  try {
    await encode(topic, 'v').validated
  } catch (error) {
    if (error instanceof PublishError) return error
  }
  throw new Error('it was not refused')
}
