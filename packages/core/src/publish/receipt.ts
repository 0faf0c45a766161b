import type { PublishError } from '../error/kinds.js'

/** What `publish` resolves to: the broker has stored the message. */
export interface Receipt {
  readonly id: string
  readonly topic: string
  readonly partition: number
  /** The offset, where the broker says one. */
  readonly position: number | undefined
  /** The transport that stored it. */
  readonly storedIn: string
}

export interface PublishOptions {
  /** Identifies the message to every consumer. @default a new UUIDv7 */
  readonly id?: string
  /** Instead of the topic's `key`. */
  readonly key?: string
  readonly headers?: Readonly<Record<string, string>>
  /** @default now */
  readonly time?: Date
  /**
   * Gives up when it aborts: not yet sent is `rejected`, sent is `unknown`; code `PUBLISH_ABORTED`.
   */
  readonly signal?: AbortSignal
}

/** What became of one of `publishMany`'s inputs. */
export type PublishOutcome =
  | { readonly status: 'stored'; readonly receipt: Receipt }
  | { readonly status: 'rejected' | 'unknown'; readonly error: PublishError }
