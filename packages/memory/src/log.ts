import type { IncomingRecord, OutgoingRecord, RawHeader, RawHeaderValue } from '@waybill/core/spi'

/** A record as the broker keeps it. A foreign producer's may lack attributes. */
export type StoredRecord = Omit<IncomingRecord, 'position'>

/** Most that one read returns, so that a backlog never arrives in one piece. */
const maxReadRecords = 200
const maxReadBytes = 1_048_576

/** The records of one partition that some group still needs, by their offsets. */
export class PartitionLog {
  readonly #records: StoredRecord[] = []
  #start = 0

  /** Offset of the oldest record that is kept. */
  get start(): number {
    return this.#start
  }

  /** Offset that the next record gets. */
  get end(): number {
    return this.#start + this.#records.length
  }

  append(records: readonly StoredRecord[]): void {
    for (const record of records) this.#records.push(record)
  }

  /** Copies, so that what a handler does to its message stays its own, as on a wire. */
  read(from: number): readonly IncomingRecord[] {
    const batch: IncomingRecord[] = []
    let bytes = 0
    for (
      let position = Math.max(from, this.#start);
      position < this.end && batch.length < maxReadRecords;
      position++
    ) {
      const record = this.#records[position - this.#start]!
      bytes += record.sizeBytes
      if (batch.length > 0 && bytes > maxReadBytes) break
      batch.push({
        ...record,
        position,
        key: copy(record.key),
        body: copy(record.body),
        rawHeaders: record.rawHeaders.map(copyHeader),
      })
    }
    return batch
  }

  /** Drops what is before `position` and returns it. */
  dropBelow(position: number): readonly StoredRecord[] {
    const dropped = this.#records.splice(0, Math.max(0, position - this.#start))
    this.#start += dropped.length
    return dropped
  }
}

/** There is no wire, so the attributes travel beside the headers instead of as some of them. */
export function toStored({ attributes, key, body, headers }: OutgoingRecord): StoredRecord {
  return { attributes, key, body, rawHeaders: headers, sizeBytes: sizeOf(key, body, headers) }
}

export function sizeOf(
  key: Uint8Array | null,
  body: Uint8Array | null,
  headers: readonly RawHeader[],
): number {
  const ofHeaders = headers.reduce(
    (sum, [name, value]) => sum + Buffer.byteLength(name) + sizeOfValue(value),
    0,
  )
  return (key?.byteLength ?? 0) + (body?.byteLength ?? 0) + ofHeaders
}

function sizeOfValue(value: RawHeaderValue): number {
  if (typeof value === 'string') return Buffer.byteLength(value)
  if (value instanceof Uint8Array) return value.byteLength
  if (typeof value !== 'object' || value === null || value instanceof Date) return 8
  const parts: readonly RawHeaderValue[] = Object.values(value)
  return parts.reduce<number>((sum, part) => sum + sizeOfValue(part), 8)
}

function copy(bytes: Uint8Array | null): Uint8Array | null {
  return bytes === null ? null : new Uint8Array(bytes)
}

function copyHeader([name, value]: RawHeader): RawHeader {
  return [name, typeof value === 'object' ? structuredClone(value) : value]
}
