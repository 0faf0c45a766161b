import type { OutgoingRecord } from '@waybill/core/spi'
import { fromWire, toWire } from '../src/headers.js'
import type { StoredRecord } from '../src/wire/record-set.js'

const record = (change: Partial<OutgoingRecord> = {}): OutgoingRecord => ({
  attributes: {
    id: 'id-1',
    type: 'order.placed',
    source: 'waybill:shop',
    timeMs: 1_700_000_000_123,
    contentType: 'application/json',
  },
  key: Buffer.from('k'),
  body: Buffer.from('{}'),
  headers: [],
  ...change,
})

const stored = (change: Partial<StoredRecord> = {}): StoredRecord => ({
  offset: 5,
  timeMs: 9,
  key: null,
  value: null,
  headers: [],
  ...change,
})
const asText = (headers: readonly (readonly [string, unknown])[]) =>
  headers.map(([name, value]) => [name, value === null ? null : Buffer.from(value as Uint8Array).toString()])

describe('the CloudEvents binding of Kafka', () => {
  it('carries the attributes as headers, and the time as that of the record', () => {
    const wire = toWire(record())
    expect(asText(wire.headers)).toEqual([
      ['ce_specversion', '1.0'],
      ['ce_id', 'id-1'],
      ['ce_type', 'order.placed'],
      ['ce_source', 'waybill:shop'],
      ['content-type', 'application/json'],
    ])
    expect(wire.timeMs).toBe(1_700_000_000_123)
  })

  it('gives back what it was given', () => {
    const { attributes, key, body } = record()
    expect(fromWire({ ...toWire(record()), offset: 3 })).toMatchObject({ position: 3, key, body, attributes })
  })

  it('keeps headers in their order, with repeats, bytes and nulls, whatever their names', () => {
    const headers: OutgoingRecord['headers'] = [
      ['b', Buffer.from('1')],
      ['__proto__', 'x'],
      ['b', null],
      ['1', 'y'],
      ['b', 'z'],
    ]
    const wire = toWire(record({ headers }))
    expect(asText(wire.headers.slice(5))).toEqual([
      ['b', '1'],
      ['__proto__', 'x'],
      ['b', null],
      ['1', 'y'],
      ['b', 'z'],
    ])
    expect(
      fromWire({ ...wire, offset: 0 })
        .rawHeaders.map(([name]) => name)
        .slice(5),
    ).toEqual(['b', '__proto__', 'b', '1', 'b'])
  })

  it('writes values that only another broker has as text', () => {
    const headers: OutgoingRecord['headers'] = [
      ['n', 7],
      ['big', 8n],
      ['yes', true],
      ['at', new Date(0)],
      ['list', [1, 2n]],
    ]
    expect(asText(toWire(record({ headers })).headers.slice(5))).toEqual([
      ['n', '7'],
      ['big', '8'],
      ['yes', 'true'],
      ['at', '1970-01-01T00:00:00.000Z'],
      ['list', '[1,"2"]'],
    ])
  })

  it("reads foreign messages, which have the record's time and nothing else", () => {
    expect(fromWire(stored({ value: Buffer.from('plain') }))).toEqual({
      position: 5,
      key: null,
      body: Buffer.from('plain'),
      attributes: { timeMs: 9 },
      rawHeaders: [],
      sizeBytes: 5,
    })
  })

  it('takes the first of repeated attributes, and a time that a foreign producer sent', () => {
    const headers = [
      ['ce_id', 'first'],
      ['ce_id', 'second'],
      ['ce_time', '2020-01-01T00:00:00Z'],
      ['ce_type', null],
    ] as const
    const { attributes } = fromWire(
      stored({ headers: headers.map(([name, value]) => [name, value === null ? null : Buffer.from(value)]) }),
    )
    expect(attributes).toEqual({ id: 'first', timeMs: Date.UTC(2020, 0, 1) })
  })

  it('ignores a time that is none', () => {
    expect(fromWire(stored({ headers: [['ce_time', Buffer.from('yesterday')]] })).attributes).toEqual({
      timeMs: 9,
    })
  })

  it('leaves structured messages as they are', () => {
    const headers = [['content-type', Buffer.from('application/cloudevents+json')]] as const
    expect(fromWire(stored({ headers }))).toMatchObject({
      attributes: { contentType: 'application/cloudevents+json' },
    })
  })

  it('weighs body, key and headers', () => {
    expect(
      fromWire(
        stored({ key: Buffer.from('kk'), value: Buffer.from('vvv'), headers: [['hh', Buffer.from('1')]] }),
      ).sizeBytes,
    ).toBe(8)
  })
})
