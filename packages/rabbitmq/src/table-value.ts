import { WaybillError } from '@waybill/core/spi'
import type { RawHeaderValue } from '@waybill/core/spi'

/**
 * Header values between Waybill and amqplib's field tables. amqplib guesses a type from the JavaScript
 * value, except in `{ '!': type, value }`, which it also decodes timestamps and decimals into.
 */
export function toTableValue(value: RawHeaderValue): unknown {
  if (typeof value === 'bigint') {
    if (BigInt.asIntN(64, value) !== value) throw cannotCarry(`the integer ${value}`, '64 bits')
    return { '!': 'int64', value }
  }
  if (typeof value === 'number') {
    if (Number.isSafeInteger(value)) return value
    return { '!': 'double', value }
  }
  if (value === null || typeof value !== 'object') return value
  if (value instanceof Date) {
    const seconds = Math.floor(value.getTime() / 1_000)
    if (!(seconds >= 0)) throw cannotCarry('a date', 'seconds since 1970')
    return { '!': 'timestamp', value: seconds }
  }
  if (value instanceof Uint8Array) return Buffer.from(value.buffer, value.byteOffset, value.byteLength)
  if (isList(value)) return value.map(toTableValue)
  if (isDecimal(value)) return value
  if (Object.hasOwn(value, '!')) throw cannotCarry('a table with the name "!"', 'any other name')
  return tableOf(value, toTableValue)
}

/** The other way round. Integers of 64 bits come as numbers, exact to 2^53: amqplib decodes them so. */
export function fromTableValue(value: unknown): RawHeaderValue {
  if (value === null || value === undefined) return null
  if (typeof value !== 'object') return value as string | number | boolean
  if (value instanceof Uint8Array) return value
  if (Array.isArray(value)) return value.map(fromTableValue)
  if ('!' in value && value['!'] === 'timestamp' && 'value' in value)
    return new Date(Number(value.value) * 1_000)
  if (isDecimal(value)) return value as RawHeaderValue
  return tableOf(value as Readonly<Record<string, unknown>>, fromTableValue)
}

/** At most what a value takes on the wire. */
export function tableValueBytes(value: RawHeaderValue): number {
  if (typeof value === 'string') return 5 + (value.length < 64 ? 3 * value.length : Buffer.byteLength(value))
  if (value === null || typeof value !== 'object' || value instanceof Date) return 9
  if (value instanceof Uint8Array) return 5 + value.length
  if (isList(value)) return value.reduce((sum: number, item) => sum + tableValueBytes(item), 5)
  return Object.entries(value).reduce(
    (sum, [name, item]) => sum + 1 + 3 * name.length + tableValueBytes(item),
    5,
  )
}

function tableOf<In, Out>(
  table: { readonly [name: string]: In },
  convert: (value: In) => Out,
): { [name: string]: Out } {
  const result = Object.create(null) as { [name: string]: Out }
  for (const [name, value] of Object.entries(table)) {
    if (Buffer.byteLength(name) > 255)
      throw cannotCarry(`the name ${JSON.stringify(name.slice(0, 60))}`, 'at most 255 bytes')
    result[name] = convert(value)
  }
  return result
}

function isList(value: RawHeaderValue): value is readonly RawHeaderValue[] {
  return Array.isArray(value)
}

/** AMQP decimals pass through as amqplib gives them, and so back onto the wire unchanged. */
function isDecimal(value: object): boolean {
  return '!' in value && value['!'] === 'decimal'
}

function cannotCarry(what: string, limit: string): WaybillError {
  return new WaybillError({
    code: 'HEADER_INVALID',
    message: `A header holds ${what}, but AMQP carries ${limit}. Send it as a string.`,
  })
}
