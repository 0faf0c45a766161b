import { crc32c } from '@node-rs/crc32'
import { sizeOfVarint, Writer } from './writer.js'

/** A record as Kafka stores it: names may repeat, values may be null. */
export interface WireRecord {
  readonly timeMs: number
  readonly key: Uint8Array | null
  readonly value: Uint8Array | null
  readonly headers: readonly WireHeader[]
}

export type WireHeader = readonly [name: string, value: Uint8Array | null]

/** What makes a batch one that the broker stores once. Sequences count records per producer and partition. */
export interface ProducerStamp {
  readonly id: bigint
  readonly epoch: number
  readonly sequence: number
}

export const batchHeaderBytes = 61
export const crcOffset = 17
export const attributesOffset = 21

/**
 * One record batch, uncompressed. Format: Kafka protocol, "Record Batch", magic 2.
 * Records keep their order; the first one's time is the base of the others.
 */
export function encodeRecordBatch(records: readonly WireRecord[], producer: ProducerStamp): Buffer {
  const baseTimeMs = records[0]?.timeMs ?? 0
  const sizes = records.map((record, index) => bodySize(record, index, baseTimeMs))
  const total = sizes.reduce((sum, size) => sum + sizeOfVarint(size) + size, batchHeaderBytes)
  const maxTimeMs = records.reduce((max, record) => Math.max(max, record.timeMs), baseTimeMs)
  const out = new Writer(total)
  out
    .int64(0)
    .int32(total - 12)
    .int32(-1)
    .int8(2)
    .int32(0)
  out
    .int16(0)
    .int32(records.length - 1)
    .int64(baseTimeMs)
    .int64(maxTimeMs)
  out.int64(producer.id).int16(producer.epoch).int32(producer.sequence).int32(records.length)
  records.forEach((record, index) => {
    out
      .varint(sizes[index] ?? 0)
      .int8(0)
      .varint(record.timeMs - baseTimeMs)
      .varint(index)
    writeNullable(out, record.key)
    writeNullable(out, record.value)
    out.varint(record.headers.length)
    for (const [name, value] of record.headers) {
      out.varint(Buffer.byteLength(name)).utf8(name)
      writeNullable(out, value)
    }
  })
  out.buffer.writeUInt32BE(crc32c(out.buffer.subarray(attributesOffset)), crcOffset)
  return out.buffer
}

function bodySize(record: WireRecord, index: number, baseTimeMs: number): number {
  let size = 1 + sizeOfVarint(record.timeMs - baseTimeMs) + sizeOfVarint(index)
  size += nullableSize(record.key) + nullableSize(record.value) + sizeOfVarint(record.headers.length)
  for (const [name, value] of record.headers) {
    const nameBytes = Buffer.byteLength(name)
    size += sizeOfVarint(nameBytes) + nameBytes + nullableSize(value)
  }
  return size
}

const nullableSize = (bytes: Uint8Array | null): number =>
  bytes === null ? 1 : sizeOfVarint(bytes.byteLength) + bytes.byteLength

function writeNullable(out: Writer, bytes: Uint8Array | null): void {
  if (bytes === null) out.varint(-1)
  else out.varint(bytes.byteLength).bytes(bytes)
}
