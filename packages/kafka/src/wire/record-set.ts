import { crc32c } from '@node-rs/crc32'
import { decompress } from './compression.js'
import { Reader } from './reader.js'
import {
  attributesOffset,
  batchHeaderBytes,
  crcOffset,
  type WireHeader,
  type WireRecord,
} from './record-batch.js'

export interface StoredRecord extends WireRecord {
  readonly offset: number
}

export interface AbortedTransaction {
  readonly producerId: bigint
  readonly firstOffset: number
}

/** What a partition's share of a fetch holds: records of committed transactions, up to the first batch that cannot be read. */
export interface RecordSet {
  readonly records: readonly StoredRecord[]
  /** The offset after everything that was read, with what has no record. */
  readonly next: number
  readonly unreadable: UnreadableBatch | undefined
}

export interface UnreadableBatch {
  readonly offset: number
  /** The offset after it, as far as its header tells. */
  readonly next: number
  readonly cause: unknown
}

interface BatchHeader {
  readonly bytes: Buffer
  readonly baseOffset: number
  readonly next: number
  readonly attributes: number
  readonly baseTimeMs: number
  readonly maxTimeMs: number
  readonly producerId: bigint
  readonly count: number
}

/** Reads the batches from `from` on. Never throws: what cannot be read is the result's `unreadable`. */
export function readRecordSet(
  bytes: Buffer,
  from: number,
  aborted: readonly AbortedTransaction[] = [],
): RecordSet {
  const records: StoredRecord[] = []
  const waiting = aborted.toSorted((a, b) => a.firstOffset - b.firstOffset)
  const abortedNow = new Set<bigint>()
  let next = from
  let at = 0
  // The last batch of a fetch may be cut off where the answer was full.
  while (bytes.length - at >= batchHeaderBytes) {
    const end = at + 12 + bytes.readInt32BE(at + 8)
    if (end > bytes.length) break
    const offset = Math.max(from, Number(bytes.readBigInt64BE(at)))
    let batch: BatchHeader | undefined
    try {
      batch = readHeader(bytes.subarray(at, end))
      while (waiting[0] !== undefined && waiting[0].firstOffset < batch.next)
        abortedNow.add(waiting.shift()!.producerId)
      const isTransactional = (batch.attributes & 0x10) !== 0
      const isControl = (batch.attributes & 0x20) !== 0
      if (isControl) {
        if (isAbortMarker(batch)) abortedNow.delete(batch.producerId)
      } else if (!isTransactional || !abortedNow.has(batch.producerId)) {
        for (const record of readRecords(batch)) if (record.offset >= from) records.push(record)
      }
    } catch (cause) {
      return { records, next, unreadable: { offset, next: Math.max(offset + 1, batch?.next ?? 0), cause } }
    }
    next = Math.max(next, batch.next)
    at = end
  }
  return { records, next, unreadable: undefined }
}

function readHeader(bytes: Buffer): BatchHeader {
  const magic = bytes.readInt8(16)
  if (magic !== 2) throw new Error(`message format ${magic} is older than Kafka 0.11, which is not supported`)
  if (crc32c(bytes.subarray(attributesOffset)) !== bytes.readUInt32BE(crcOffset))
    throw new Error('its checksum does not fit its bytes')
  const baseOffset = Number(bytes.readBigInt64BE(0))
  return {
    bytes,
    baseOffset,
    attributes: bytes.readInt16BE(attributesOffset),
    next: baseOffset + bytes.readInt32BE(23) + 1,
    baseTimeMs: Number(bytes.readBigInt64BE(27)),
    maxTimeMs: Number(bytes.readBigInt64BE(35)),
    producerId: bytes.readBigInt64BE(43),
    count: bytes.readInt32BE(57),
  }
}

/** A control record's key: version and type; type 0 is the end of an aborted transaction. */
function isAbortMarker(batch: BatchHeader): boolean {
  const key = readRecords(batch)[0]?.key
  return key instanceof Buffer && key.length >= 4 && key.readInt16BE(2) === 0
}

function readRecords(batch: BatchHeader): StoredRecord[] {
  const body = batch.bytes.subarray(batchHeaderBytes)
  const reader = new Reader(decompress(batch.attributes & 7, body))
  const appendTime = (batch.attributes & 8) !== 0
  const records: StoredRecord[] = []
  for (let index = 0; index < batch.count; index++) {
    const length = reader.varint()
    const end = reader.offset + length
    if (length < 0 || end > reader.buffer.length) throw new RangeError('a record ends after its batch')
    reader.int8()
    const timeMs = batch.baseTimeMs + reader.varint()
    const offset = batch.baseOffset + reader.varint()
    const key = reader.varintBytes()
    const value = reader.varintBytes()
    const headers = readHeaders(reader)
    if (reader.offset !== end) throw new RangeError('a record does not end where its length says')
    records.push({ offset, timeMs: appendTime ? batch.maxTimeMs : timeMs, key, value, headers })
  }
  return records
}

function readHeaders(reader: Reader): WireHeader[] {
  const headers: WireHeader[] = []
  for (let count = reader.varint(); count > 0; count--) {
    const name = reader.varintBytes()
    if (name === null) throw new RangeError('a header has no name')
    headers.push([name.toString('utf8'), reader.varintBytes()])
  }
  return headers
}
