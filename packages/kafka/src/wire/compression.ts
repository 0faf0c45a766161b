import { decompressFrameSync } from 'lz4-napi'
import { gunzipSync } from 'node:zlib'
import { decompress as decompressZstd } from 'fzstd'
import { uncompressSync } from 'snappy'

// What Kafka's Java client writes around snappy blocks: magic, two versions; then blocks with a length.
const xerialMagic = Buffer.from([0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0x00])
const xerialHeaderBytes = 16

/** The records of a batch as they were before the producer compressed them. */
export function decompress(codec: number, bytes: Buffer): Buffer {
  switch (codec) {
    case 0:
      return bytes
    case 1:
      return gunzipSync(bytes)
    case 2:
      return unsnappy(bytes)
    case 3:
      return decompressFrameSync(bytes)
    case 4:
      return asBuffer(decompressZstd(bytes))
    default:
      throw new Error(`compression codec ${codec} is not known`)
  }
}

function unsnappy(bytes: Buffer): Buffer {
  if (!bytes.subarray(0, xerialMagic.length).equals(xerialMagic)) return uncompressed(bytes)
  const blocks: Buffer[] = []
  for (let at = xerialHeaderBytes; at < bytes.length;) {
    const start = at + 4
    at = start + bytes.readInt32BE(at)
    blocks.push(uncompressed(bytes.subarray(start, at)))
  }
  return Buffer.concat(blocks)
}

const uncompressed = (bytes: Buffer): Buffer =>
  asBuffer(uncompressSync(bytes, { asBuffer: true }) as Uint8Array)

const asBuffer = (bytes: Uint8Array): Buffer => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
