import * as fc from 'fast-check'
import { encodeRecordBatch, type WireRecord } from '../src/wire/record-batch.js'
import { readRecordSet } from '../src/wire/record-set.js'
import { codecs, javaBatch } from './java-batches.js'

const stamp = { id: 4_711n, epoch: 3, sequence: 42 }
const anyBytes: fc.Arbitrary<Uint8Array | null> = fc.option(
  fc.uint8Array({ maxLength: 300 }).map((value) => Buffer.from(value)),
)
const record: fc.Arbitrary<WireRecord> = fc.record({
  timeMs: fc.integer({ min: 0, max: 4_102_444_800_000 }),
  key: anyBytes,
  value: anyBytes,
  headers: fc.array(
    fc.tuple(
      fc.oneof(fc.string({ unit: 'grapheme' }), fc.constantFrom('__proto__', 'constructor', '1', 'a')),
      anyBytes,
    ),
  ),
})

const at = (offset: number, batch: Buffer): Buffer => {
  const copy = Buffer.from(batch)
  copy.writeBigInt64BE(BigInt(offset), 0)
  return copy
}

const one = (value: string): Buffer =>
  encodeRecordBatch([{ timeMs: 1, key: null, value: Buffer.from(value), headers: [] }], stamp)
const text = (bytes: Uint8Array | null): string => Buffer.from(bytes ?? []).toString()
const values = (set: ReturnType<typeof readRecordSet>): (string | undefined)[] =>
  set.records.map(({ value }) => (value === null ? undefined : Buffer.from(value).toString()))

describe('record batches', () => {
  it('come back as they were, whatever is in them', () => {
    fc.assert(
      fc.property(fc.array(record, { minLength: 1, maxLength: 20 }), fc.nat(1_000_000), (records, offset) => {
        const set = readRecordSet(at(offset, encodeRecordBatch(records, stamp)), offset)
        expect(set.unreadable).toBeUndefined()
        expect(set.next).toBe(offset + records.length)
        expect(set.records).toEqual(records.map((wire, index) => ({ ...wire, offset: offset + index })))
      }),
    )
  })

  it.each(codecs)('of the Java client are read: %s', (codec) => {
    const set = readRecordSet(javaBatch(codec), 0)
    expect(set).toMatchObject({ next: 3, unreadable: undefined })
    expect(
      set.records.map(({ offset, key, value, headers }) => [
        offset,
        text(key),
        text(value),
        headers.map(([name, bytes]) => `${name}=${text(bytes)}`),
      ]),
    ).toEqual(
      [0, 1, 2].map((n) => [
        n,
        `key-${n}`,
        `${codec} message ${n} ${'abc'.repeat(40)}`,
        ['lang=java', `n=${n}`],
      ]),
    )
  })

  it('are the very bytes that the Java client writes', () => {
    const recorded = javaBatch('none')
    const { records } = readRecordSet(recorded, 0)
    const written = encodeRecordBatch(records, {
      id: recorded.readBigInt64BE(43),
      epoch: recorded.readInt16BE(51),
      sequence: recorded.readInt32BE(53),
    })
    // The broker fills in the leader epoch, bytes 12 to 16, which the checksum does not cover.
    recorded.copy(written, 12, 12, 16)
    expect(written).toEqual(recorded)
  })

  it('start where the reader is, not where the broker begins', () => {
    const batch = encodeRecordBatch(
      ['a', 'b', 'c'].map((value) => ({ timeMs: 1, key: null, value: Buffer.from(value), headers: [] })),
      stamp,
    )
    expect(values(readRecordSet(at(10, batch), 12))).toEqual(['c'])
  })

  it('that are cut off at the end of a fetch are left for the next one', () => {
    const set = readRecordSet(Buffer.concat([at(0, one('a')), at(1, one('b')).subarray(0, 65)]), 0)
    expect(values(set)).toEqual(['a'])
    expect(set).toMatchObject({ next: 1, unreadable: undefined })
  })

  it('that were emptied by compaction still move the reader on', () => {
    const empty = Buffer.from(encodeRecordBatch([], stamp))
    expect(readRecordSet(at(5, empty), 5).next).toBe(5)
    // A retained empty batch keeps the offsets it had: last offset delta 4.
    const retained = withField(at(5, empty), 23, 4)
    expect(readRecordSet(retained, 5)).toMatchObject({ records: [], next: 10, unreadable: undefined })
  })

  it.each([
    ['a flipped bit', (batch: Buffer) => flipped(batch, 70)],
    ['an unknown codec', (batch: Buffer) => withAttributes(batch, 7)],
    ['a codec its bytes do not fit', (batch: Buffer) => withAttributes(batch, 4)],
    ['an old format', (batch: Buffer) => patched(batch, 16, 1)],
  ])('with %s stop the reader there, after what came before', (_, spoil) => {
    const set = readRecordSet(
      Buffer.concat([at(7, one('good')), at(8, spoil(one('bad'))), at(9, one('after'))]),
      7,
    )
    expect(values(set)).toEqual(['good'])
    expect(set.next).toBe(8)
    expect(set.unreadable).toMatchObject({ offset: 8, next: 9 })
  })

  it('of aborted transactions are left out, and those after them are not', () => {
    const transactional = (offset: number, value: string): Buffer =>
      at(offset, withAttributes(one(value), 0x10))
    const marker = at(
      3,
      withAttributes(
        encodeRecordBatch(
          [{ timeMs: 1, key: Buffer.from([0, 0, 0, 0]), value: Buffer.alloc(6), headers: [] }],
          stamp,
        ),
        0x30,
      ),
    )
    const log = Buffer.concat([
      transactional(1, 'aborted'),
      transactional(2, 'aborted too'),
      marker,
      transactional(4, 'committed'),
      at(5, one('plain')),
    ])
    const set = readRecordSet(log, 1, [{ producerId: stamp.id, firstOffset: 1 }])
    expect(values(set)).toEqual(['committed', 'plain'])
    expect(set.next).toBe(6)
  })

  it('of any bytes at all never make the reader throw', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), (noise) => {
        expect(() => readRecordSet(Buffer.from(noise), 0)).not.toThrow()
      }),
    )
  })
})

function withAttributes(batch: Buffer, attributes: number): Buffer {
  return withField(patched(batch, 22, attributes), 23, batch.readInt32BE(23))
}

/** Changes a 32-bit field and makes the checksum fit again. */
function withField(batch: Buffer, offset: number, value: number): Buffer {
  const copy = Buffer.from(batch)
  copy.writeInt32BE(value, offset)
  copy.writeUInt32BE(crc32c(copy.subarray(21)), 17)
  return copy
}

function patched(batch: Buffer, offset: number, value: number): Buffer {
  const copy = Buffer.from(batch)
  copy[offset] = value
  return copy
}

const flipped = (batch: Buffer, offset: number): Buffer => patched(batch, offset, (batch[offset] ?? 0) ^ 1)

/** Castagnoli's polynomial, bit by bit: an own opinion beside the library's. */
function crc32c(data: Uint8Array): number {
  let crc = 0xffffffff
  for (const byte of data) {
    crc ^= byte
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0x82f63b78 : 0)
  }
  return (crc ^ 0xffffffff) >>> 0
}
