import type { OutgoingRecord } from '../transport/record.js'
import { headerBytes } from './headers.js'

// Framing of one record on any wire, attributes' names included: generous, so that what passes here passes there.
export const framingBytes = 160

/** What a record counts as against the limits of batches and brokers: never less than on the wire. */
export function recordBytes(record: OutgoingRecord): number {
  const { attributes } = record
  let size = framingBytes + (record.key?.byteLength ?? 0) + (record.body?.byteLength ?? 0)
  for (const text of [attributes.id, attributes.type, attributes.source, attributes.contentType])
    size += Buffer.byteLength(text)
  for (const header of record.headers) size += headerBytes(header)
  return size
}
