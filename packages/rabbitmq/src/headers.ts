import { WaybillError } from '@waybill/core/spi'
import type { Attributes, IncomingRecord, OutgoingRecord, RawHeader } from '@waybill/core/spi'
import type { ConsumeMessage, Options } from 'amqplib'
import { isUtf8 } from 'node:buffer'
import { fromTableValue, tableValueBytes, toTableValue } from './table-value.js'

/** How CloudEvents' AMQP binding names its attributes; it is for AMQP 1.0, its use in 0-9-1 headers is our mapping. */
const prefix = 'cloudEvents_'
const readablePrefixes = [prefix, 'cloudEvents:']

/** What a content header frame holds beside the header table: properties and framing, at their longest. */
const reservedBytes = 1_200

/** RabbitMQ routes copies by these (sender-selected distribution), and closes the channel over a malformed one. */
const routingHeaders = ['CC', 'BCC']

/**
 * The properties and headers a record is published with.
 * @throws WaybillError `HEADER_INVALID` for what AMQP cannot carry
 */
export function toPublishOptions(record: OutgoingRecord, frameMax: number): Options.Publish {
  const { id, type, source, timeMs, contentType } = record.attributes
  // Without a prototype, so that no name means anything but itself.
  const headers = Object.create(null) as Record<string, unknown>
  headers[`${prefix}id`] = id
  headers[`${prefix}source`] = source
  headers[`${prefix}type`] = type
  headers[`${prefix}specversion`] = '1.0'
  headers[`${prefix}time`] = new Date(timeMs).toISOString()
  let bytes = 200 + 3 * (id.length + source.length + type.length)
  if (record.key !== null) {
    headers[`${prefix}partitionkey`] = isUtf8(record.key)
      ? Buffer.from(record.key).toString()
      : Buffer.from(record.key)
    bytes += record.key.length
  }
  for (const [name, value] of record.headers) {
    if (name in headers) throw invalid(name, 'occurs twice, or is one of Waybill’s own')
    if (routingHeaders.includes(name)) throw invalid(name, 'is a name by which RabbitMQ routes copies')
    const nameBytes = Buffer.byteLength(name)
    if (nameBytes > 255) throw invalid(name, `has ${nameBytes} bytes, where AMQP names have at most 255`)
    headers[name] = toTableValue(value)
    bytes += nameBytes + 1 + tableValueBytes(value)
  }
  if (bytes + reservedBytes > frameMax) {
    throw invalid(
      '',
      `all headers together take about ${bytes} bytes, where ${frameMax - reservedBytes} fit a frame`,
    )
  }
  const seconds = Math.floor(timeMs / 1_000)
  return {
    persistent: true,
    mandatory: true,
    messageId: id,
    contentType,
    type,
    ...(seconds >= 0 ? { timestamp: seconds } : {}),
    headers,
  }
}

function invalid(name: string, problem: string): WaybillError {
  const subject = name === '' ? 'Headers' : `Header ${JSON.stringify(name.slice(0, 60))}`
  return new WaybillError({
    code: 'HEADER_INVALID',
    message: `${subject}: ${problem}. Rename, shorten or leave out.`,
    details: { header: name },
  })
}

/** A delivery, of whatever producer, as the engines read it. */
export function toIncomingRecord(message: ConsumeMessage): IncomingRecord {
  const { properties, content, fields } = message
  const table: Record<string, unknown> = properties.headers ?? {}
  const rawHeaders: RawHeader[] = []
  let sizeBytes = content.length
  for (const name of Object.keys(table)) {
    const value = fromTableValue(table[name])
    rawHeaders.push([name, value])
    sizeBytes += name.length + tableValueBytes(value)
  }
  const found = (name: string): unknown => {
    const key = readablePrefixes.find((one) => Object.hasOwn(table, one + name))
    return key === undefined ? undefined : table[key + name]
  }
  const key = found('partitionkey')
  return {
    position: fields.deliveryTag,
    key: typeof key === 'string' ? Buffer.from(key) : key instanceof Uint8Array ? key : null,
    body: content,
    attributes: readAttributes(found, properties),
    rawHeaders,
    redelivered: fields.redelivered,
    sizeBytes,
  }
}

function readAttributes(
  found: (name: string) => unknown,
  properties: ConsumeMessage['properties'],
): Partial<Attributes> {
  const id = firstText(found('id'), properties.messageId)
  const type = firstText(found('type'), properties.type)
  const source = firstText(found('source'))
  const contentType = firstText(properties.contentType)
  const timeMs = readTime(found('time'), properties.timestamp)
  return {
    ...(id === undefined ? {} : { id }),
    ...(type === undefined ? {} : { type }),
    ...(source === undefined ? {} : { source }),
    ...(contentType === undefined ? {} : { contentType }),
    ...(timeMs === undefined ? {} : { timeMs }),
  }
}

function firstText(...candidates: readonly unknown[]): string | undefined {
  return candidates.find(
    (candidate): candidate is string => typeof candidate === 'string' && candidate !== '',
  )
}

function readTime(time: unknown, timestamp: unknown): number | undefined {
  const parsed = typeof time === 'string' ? Date.parse(time) : Number.NaN
  if (!Number.isNaN(parsed)) return parsed
  return typeof timestamp === 'number' ? timestamp * 1_000 : undefined
}
