import { isReservedHeader } from './marks.js'
import type { RawHeader, RawHeaderValue } from '../transport/record.js'

// An AMQP short string has at most 255 bytes.
const maxNameBytes = 255
// Control characters would end a header where a proxy or log turns it into a line.
const control = /[\u0000-\u001f\u007f]/

/** What is wrong with a header that a caller wants to send; `undefined` when nothing is. */
export function headerProblem(name: string, value: unknown): string | undefined {
  if (name === '') return 'a header has an empty name'
  if (Buffer.byteLength(name) > maxNameBytes)
    return `the header name "${name.slice(0, 30)}..." is longer than ${maxNameBytes} bytes`
  if (!isPlainText(name)) return 'a header name has control characters or half a surrogate pair'
  if (isReservedHeader(name))
    return `the header name "${name}" is reserved for CloudEvents attributes and Waybill's marks`
  if (typeof value !== 'string')
    return `the header "${name}" has a value of type ${typeof value}; only strings can be sent`
  if (!isPlainText(value))
    return `the header "${name}" has a value with control characters or half a surrogate pair`
  return undefined
}

/** Application headers: the first value of each name as text, without those of the bindings. Has no prototype. */
export function applicationHeaders(raw: readonly RawHeader[]): Readonly<Record<string, string>> {
  const headers = Object.create(null) as Record<string, string>
  for (const [name, value] of raw) {
    if (!(name in headers) && !isReservedHeader(name)) headers[name] = asText(value)
  }
  return headers
}

function asText(value: RawHeaderValue): string {
  if (typeof value === 'string') return value
  if (value instanceof Uint8Array)
    return Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('utf8')
  if (value instanceof Date) return value.toISOString()
  if (typeof value === 'object' && value !== null) {
    return JSON.stringify(value, (_, part: unknown) => (typeof part === 'bigint' ? part.toString() : part))
  }
  return String(value)
}

/** At least what one header costs on any wire. */
export function headerBytes([name, value]: RawHeader): number {
  const valueBytes = typeof value === 'string' ? Buffer.byteLength(value) : 16
  return Buffer.byteLength(name) + (value instanceof Uint8Array ? value.byteLength : valueBytes) + 8
}

/** Whether a wire or a log could take it for something else than a plain text. */
export const isPlainText = (text: string): boolean => !control.test(text) && text.isWellFormed()
