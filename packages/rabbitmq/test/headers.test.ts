import type { OutgoingRecord, RawHeaderValue } from '@waybill/core/spi'
import type { ConsumeMessage } from 'amqplib'
import * as fc from 'fast-check'
import { toIncomingRecord, toPublishOptions } from '../src/headers.js'
import { fromTableValue, toTableValue } from '../src/table-value.js'

const frameMax = 131_072

function record(over: Partial<OutgoingRecord> = {}): OutgoingRecord {
  const attributes = {
    id: 'id-1',
    type: 'order',
    source: '/shop',
    timeMs: 1_790_000_000_123,
    contentType: 'application/json',
  }
  return { attributes, key: null, body: Buffer.from('{}'), headers: [], ...over }
}

function published(outgoing: OutgoingRecord): { readonly headers: Record<string, unknown> } {
  return toPublishOptions(outgoing, frameMax) as { headers: Record<string, unknown> }
}

function message(properties: Partial<ConsumeMessage['properties']>, content = ''): ConsumeMessage {
  const fields = { deliveryTag: 7, redelivered: true, exchange: 'orders', routingKey: '0', consumerTag: 't' }
  return { content: Buffer.from(content), fields, properties: properties as ConsumeMessage['properties'] }
}

function table(entries: [string, RawHeaderValue][]): { [name: string]: RawHeaderValue } {
  return Object.assign(Object.create(null) as { [name: string]: RawHeaderValue }, Object.fromEntries(entries))
}

describe('AMQP headers', () => {
  it('carry the attributes to the millisecond, and the key', () => {
    const outgoing = record({ key: Buffer.from('customer-7'), headers: [['traceparent', '00-1']] })
    const { headers, ...properties } = published(outgoing)
    expect(properties).toEqual({
      persistent: true,
      mandatory: true,
      messageId: 'id-1',
      type: 'order',
      contentType: 'application/json',
      timestamp: 1_790_000_000,
    })
    const incoming = toIncomingRecord(message({ ...properties, headers: { ...headers } }))
    expect(incoming.attributes).toEqual(outgoing.attributes)
    expect(Buffer.from(incoming.key ?? []).toString()).toBe('customer-7')
    expect(incoming.rawHeaders).toContainEqual(['traceparent', '00-1'])
    expect(incoming).toMatchObject({ position: 7, redelivered: true })
  })

  it('keep keys that are no text, and empty ones', () => {
    for (const key of [Buffer.from([0xff, 0xfe]), Buffer.alloc(0)]) {
      const { headers } = published(record({ key }))
      expect(toIncomingRecord(message({ headers })).key).toEqual(key)
    }
  })

  it('of a foreign message may be missing', () => {
    expect(toIncomingRecord(message({}))).toMatchObject({ key: null, attributes: {}, rawHeaders: [] })
    const foreign = message({
      messageId: 'theirs',
      timestamp: 5,
      type: 'thing',
      headers: { 'cloudEvents:source': '/them' },
    })
    expect(toIncomingRecord(foreign).attributes).toEqual({
      id: 'theirs',
      timeMs: 5_000,
      type: 'thing',
      source: '/them',
    })
    const corrupt = message({
      messageId: 9,
      headers: { cloudEvents_time: 'yesterday', cloudEvents_id: 3, cloudEvents_partitionkey: 4 },
    })
    expect(toIncomingRecord(corrupt)).toMatchObject({ key: null, attributes: {} })
  })

  it('of every type come back as they were', () => {
    const { value } = fc.letrec<{ value: RawHeaderValue }>((tie) => ({
      value: fc.oneof(
        { depthSize: 'small' },
        fc.string(),
        fc.integer(),
        fc.boolean(),
        fc.constant(null),
        fc.integer({ min: 0, max: 4_000_000_000 }).map((seconds) => new Date(seconds * 1_000)),
        fc.uint8Array().map((bytes) => Buffer.from(bytes)),
        fc.array(tie('value')),
        fc
          .array(fc.tuple(fc.stringMatching(/^[a-z_]{1,12}$/), tie('value')))
          .map((entries) => table(entries)),
      ),
    }))
    fc.assert(fc.property(value, (given) => expect(fromTableValue(toTableValue(given))).toEqual(given)))
    expect(fromTableValue(toTableValue({ '!': 'decimal', value: { places: 2, digits: 5 } }))).toEqual({
      '!': 'decimal',
      value: { places: 2, digits: 5 },
    })
  })

  it('that AMQP cannot carry are refused', () => {
    const refused = (headers: OutgoingRecord['headers']): unknown => {
      try {
        return toPublishOptions(record({ headers }), frameMax)
      } catch (error) {
        return (error as { code: string }).code
      }
    }
    for (const value of [
      2n ** 63n,
      new Date(Number.NaN),
      new Date(-1),
      { '!': 'int8', value: 'x' },
      { ['n'.repeat(256)]: 1 },
    ]) {
      expect(refused([['h', value]])).toBe('HEADER_INVALID')
    }
    expect(refused([['cloudEvents_id', 'mine']])).toBe('HEADER_INVALID')
    expect(refused([['big', 'x'.repeat(130_000)]])).toBe('HEADER_INVALID')
    expect(() => toPublishOptions(record({ headers: [['big', 'x'.repeat(5_000)]] }), 4_096)).toThrow(
      'fit a frame',
    )
  })
})
