import { types } from 'node:util'

/** Turns values into bodies and back. Both ways are synchronous and must not keep what they are given. */
export interface Codec<T> {
  /** Goes into the content type of every message. */
  readonly contentType: string
  /** @throws anything when the value cannot be encoded */
  encode(value: T): Uint8Array
  /** @throws anything when the bytes are not such a value */
  decode(bytes: Uint8Array): T
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** JSON in UTF-8: the default. `undefined`, functions, symbols, BigInt and cycles are refused. */
export function json<T = unknown>(): Codec<T> {
  return {
    contentType: 'application/json',
    encode(value) {
      const text = JSON.stringify(value) as string | undefined
      if (text === undefined) throw new TypeError(`JSON has no ${typeof value}`)
      return Buffer.from(text)
    },
    decode: (bytes) => JSON.parse(utf8.decode(bytes)) as T,
  }
}

/** A string, in UTF-8. */
export const text: Codec<string> = {
  contentType: 'text/plain; charset=utf-8',
  encode(value) {
    if (typeof value !== 'string') throw new TypeError(`the text codec takes a string, not ${typeof value}`)
    return Buffer.from(value)
  },
  decode: (bytes) => utf8.decode(bytes),
}

/** Bytes as they are. They are copied on the way out. */
export const bytes: Codec<Uint8Array> = {
  contentType: 'application/octet-stream',
  encode(value) {
    if (!types.isUint8Array(value))
      throw new TypeError(`the bytes codec takes a Uint8Array, not ${typeof value}`)
    return Uint8Array.from(value)
  },
  decode: (body) => body,
}
