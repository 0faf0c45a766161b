/** A header's value as a wire can carry it. AMQP has all of these types; Kafka has bytes. */
export type RawHeaderValue =
  | string
  | number
  | bigint
  | boolean
  | null
  | Date
  | Uint8Array
  | readonly RawHeaderValue[]
  | { readonly [name: string]: RawHeaderValue }

/** One header: a name may occur more than once. */
export type RawHeader = readonly [name: string, value: RawHeaderValue]

/**
 * What CloudEvents calls context attributes. A driver writes and reads them by its protocol's
 * binding (binary mode); `key` is the `partitionkey` extension where the protocol has no key.
 */
export interface Attributes {
  readonly id: string
  readonly type: string
  readonly source: string
  /** Milliseconds since the Unix epoch, kept to the millisecond. */
  readonly timeMs: number
  readonly contentType: string
}

/** A message on its way out. Immutable once handed to a driver. */
export interface OutgoingRecord {
  readonly attributes: Attributes
  /** `null`: no key. An empty array is a key. */
  readonly key: Uint8Array | null
  /** `null` is a tombstone, and only handed to a driver that has `capabilities.nullBody`. */
  readonly body: Uint8Array | null
  /** Headers beside the attributes: the user's and Waybill's own marks. */
  readonly headers: readonly RawHeader[]
}

/** Records of one partition, in order. The same object again means: the identical bytes again. */
export interface Batch {
  readonly topic: string
  readonly partition: number
  readonly records: readonly OutgoingRecord[]
}

/** A message as it came in, of whatever producer. */
export interface IncomingRecord {
  /**
   * Ascending within one assignment. An offset where the broker has offsets
   * (`capabilities.stablePositions`), else the number of the delivery.
   */
  readonly position: number
  readonly key: Uint8Array | null
  readonly body: Uint8Array | null
  /** What the binding found. A foreign message may lack any of them; `id` may be the broker's message id. */
  readonly attributes: Partial<Attributes>
  /** Every header exactly as on the wire, those of the attributes included. */
  readonly rawHeaders: readonly RawHeader[]
  /**
   * Whether the broker says that it may have been delivered before. Only looked at where positions
   * do not last (`capabilities.stablePositions: false`).
   */
  readonly redelivered?: boolean
  /** What the record weighs in memory: body, key and headers. */
  readonly sizeBytes: number
}

/** Records of one partition, and where the driver goes on reading. */
export interface IncomingBatch {
  readonly records: readonly IncomingRecord[]
  /**
   * The position after everything this batch covers, with what has no record (compaction holes,
   * control records, aborted transactions). A batch may have no records and only move this on.
   */
  readonly next: number
}
