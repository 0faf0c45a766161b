/** Writes Kafka's primitive types into a buffer of exactly the given size. */
export class Writer {
  readonly buffer: Buffer
  offset = 0

  constructor(sizeBytes: number) {
    this.buffer = Buffer.allocUnsafe(sizeBytes)
  }

  int8(value: number): this {
    this.offset = this.buffer.writeInt8(value, this.offset)
    return this
  }

  int16(value: number): this {
    this.offset = this.buffer.writeInt16BE(value, this.offset)
    return this
  }

  int32(value: number): this {
    this.offset = this.buffer.writeInt32BE(value, this.offset)
    return this
  }

  int64(value: number | bigint): this {
    this.offset = this.buffer.writeBigInt64BE(BigInt(value), this.offset)
    return this
  }

  bytes(value: Uint8Array): this {
    this.buffer.set(value, this.offset)
    this.offset += value.byteLength
    return this
  }

  utf8(value: string): this {
    this.offset += this.buffer.write(value, this.offset, 'utf8')
    return this
  }

  /** STRING: a 16-bit length and UTF-8. */
  string(value: string): this {
    return this.int16(Buffer.byteLength(value)).utf8(value)
  }

  /** UNSIGNED_VARINT. */
  uvarint(value: number): this {
    let rest = value
    for (; rest >= 128; rest = Math.floor(rest / 128)) this.buffer[this.offset++] = (rest % 128) | 128
    this.buffer[this.offset++] = rest
    return this
  }

  /** VARINT and VARLONG: zigzag, so that small negative numbers are short. */
  varint(value: number): this {
    return this.uvarint(zigzag(value))
  }
}

export function sizeOfVarint(value: number): number {
  let size = 1
  for (let rest = zigzag(value); rest >= 128; rest = Math.floor(rest / 128)) size++
  return size
}

function zigzag(value: number): number {
  return value >= 0 ? value * 2 : -value * 2 - 1
}
