/** Reads Kafka's primitive types. What runs past the end throws a RangeError. */
export class Reader {
  readonly buffer: Buffer
  offset: number

  constructor(buffer: Buffer, offset = 0) {
    this.buffer = buffer
    this.offset = offset
  }

  get left(): number {
    return this.buffer.length - this.offset
  }

  int8(): number {
    return this.buffer.readInt8(this.#pass(1))
  }

  boolean(): boolean {
    return this.int8() !== 0
  }

  int16(): number {
    return this.buffer.readInt16BE(this.#pass(2))
  }

  int32(): number {
    return this.buffer.readInt32BE(this.#pass(4))
  }

  bigint(): bigint {
    return this.buffer.readBigInt64BE(this.#pass(8))
  }

  /** INT64 as a number: offsets and times stay far below 2^53. */
  int64(): number {
    return Number(this.bigint())
  }

  bytes(length: number): Buffer {
    const start = this.#pass(length)
    if (length < 0 || this.offset > this.buffer.length) throw new RangeError('the bytes end too early')
    return this.buffer.subarray(start, this.offset)
  }

  uvarint(): number {
    let value = 0
    let factor = 1
    for (let count = 0; count < 10; count++) {
      const byte = this.int8() & 255
      value += (byte & 127) * factor
      if (byte < 128) return value
      factor *= 128
    }
    throw new RangeError('a variable-length number is too long')
  }

  varint(): number {
    const value = this.uvarint()
    return value % 2 === 0 ? value / 2 : -(value + 1) / 2
  }

  /** Bytes with a VARINT length; -1 is null. */
  varintBytes(): Buffer | null {
    const length = this.varint()
    return length < 0 ? null : this.bytes(length)
  }

  string(): string {
    return this.bytes(this.int16()).toString('utf8')
  }

  array<T>(item: () => T): T[] {
    return Array.from({ length: Math.max(0, this.int32()) }, item)
  }

  /** COMPACT_NULLABLE_STRING, null read as ''. */
  compactString(): string {
    const length = this.uvarint()
    return length === 0 ? '' : this.bytes(length - 1).toString('utf8')
  }

  compactArray<T>(item: () => T): T[] {
    return Array.from({ length: Math.max(0, this.uvarint() - 1) }, item)
  }

  uuid(): string {
    const hex = this.bytes(16).toString('hex')
    return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-')
  }

  /** TAG_BUFFER, of which nothing is needed. */
  tags(): void {
    for (let count = this.uvarint(); count > 0; count--) {
      this.uvarint()
      this.bytes(this.uvarint())
    }
  }

  #pass(length: number): number {
    const start = this.offset
    this.offset += length
    return start
  }
}
