import type { RawHeader } from '../transport/record.js'

/** A message as its handler gets it. */
export interface Message<T> {
  /** The publisher's id; for a foreign message without one, made from its position where the broker has positions, else its broker message id or `''`. */
  readonly id: string
  /** `undefined`: published without a key. `''` is a key. */
  readonly key: string | undefined
  /** The key as bytes, for foreign producers whose keys are not text. */
  readonly keyBytes: Uint8Array | null
  readonly value: T
  /** The body as it came in. `null` is a tombstone. */
  readonly bytes: Uint8Array | null
  /** Application headers: the first value of each name, as text. Has no prototype. */
  readonly headers: Readonly<Record<string, string>>
  /** Every header as on the wire: repeats, bytes and types kept. */
  readonly rawHeaders: readonly RawHeader[]
  readonly time: Date
  readonly topic: string
  readonly group: string
  readonly partition: number
  /** The offset, where the broker has offsets. */
  readonly position: number | undefined
  /** Which start of a handler for this message this is, from 1. */
  readonly attempt: number
  /** Sent more than once by its publisher, because an earlier outcome was unknown. */
  readonly republished: boolean
  /**
   * Aborts when this run of the handler has become pointless: the partition was lost, the handler
   * ran into `handlerTimeoutMs`, or close() ran out of time. Made on first access.
   */
  readonly signal: AbortSignal
}

/**
 * Returns = acknowledged. Throws = tried again in place after a backoff, while later messages of the
 * key wait.
 */
export type Handler<T> = (message: Message<T>) => unknown
