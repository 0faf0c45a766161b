import type { Attributes, IncomingRecord, OutgoingRecord, RawHeader } from '@waybill/core/spi'
import type { WireHeader, WireRecord } from './wire/record-batch.js'
import type { StoredRecord } from './wire/record-set.js'

/**
 * CloudEvents over Kafka, binary mode (Kafka Protocol Binding 1.0.2, section 3.2). The time is the
 * record's own timestamp, which has the same precision, so `ce_time` is not sent.
 */
const names = { id: 'ce_id', type: 'ce_type', source: 'ce_source', contentType: 'content-type' } as const

const specVersion: WireHeader = ['ce_specversion', Buffer.from('1.0')]

export function toWire({ attributes, key, body, headers }: OutgoingRecord): WireRecord {
  return {
    timeMs: attributes.timeMs,
    key,
    value: body,
    headers: [
      specVersion,
      [names.id, Buffer.from(attributes.id)],
      [names.type, repeated(attributes.type)],
      [names.source, repeated(attributes.source)],
      [names.contentType, repeated(attributes.contentType)],
      ...headers.map(toWireHeader),
    ],
  }
}

export function fromWire({ offset, timeMs, key, value, headers }: StoredRecord): IncomingRecord {
  const attributes: { -readonly [K in keyof Attributes]?: Attributes[K] } = { timeMs }
  let sizeBytes = (key?.byteLength ?? 0) + (value?.byteLength ?? 0)
  for (const [name, bytes] of headers) {
    sizeBytes += name.length + (bytes?.byteLength ?? 0)
    if (bytes === null) continue
    if (name === names.id) attributes.id ??= text(bytes)
    else if (name === names.type) attributes.type ??= text(bytes)
    else if (name === names.source) attributes.source ??= text(bytes)
    else if (name === names.contentType) attributes.contentType ??= text(bytes)
    else if (name === 'ce_time') attributes.timeMs = timeOf(text(bytes)) ?? timeMs
  }
  return { position: offset, key, body: value, attributes, rawHeaders: headers, sizeBytes }
}

/** Kafka has bytes only: other values, as a dead letter from another transport may have, become text. */
function toWireHeader([name, value]: RawHeader): WireHeader {
  if (value === null || value instanceof Uint8Array) return [name, value]
  return [name, Buffer.from(typeof value === 'string' ? value : asText(value))]
}

function asText(value: Exclude<RawHeader[1], string | null>): string {
  if (value instanceof Date) return value.toISOString()
  if (typeof value === 'object')
    return JSON.stringify(value, (_, part: unknown) => (typeof part === 'bigint' ? part.toString() : part))
  return String(value)
}

const text = (bytes: Uint8Array): string =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8')

function timeOf(value: string): number | undefined {
  const ms = Date.parse(value)
  return Number.isNaN(ms) ? undefined : ms
}

/** Types, sources and content types are few and come again with every message. */
const encoded = new Map<string, Buffer>()
const mostEncoded = 1_000

function repeated(value: string): Buffer {
  const known = encoded.get(value)
  if (known !== undefined) return known
  const bytes = Buffer.from(value)
  if (encoded.size < mostEncoded) encoded.set(value, bytes)
  return bytes
}
