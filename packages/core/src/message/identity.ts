import { randomFillSync } from 'node:crypto'

const hex = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'))
const pool = new Uint8Array(8 * 512)
let used = pool.length
let lastMs = 0
let counter = 0

/**
 * A new UUIDv7 (RFC 9562, section 5.7; a 12-bit counter in `rand_a`, method 1 of 6.2): ids of one
 * process ascend, also within a millisecond and when the clock steps back.
 */
export function newId(wallMs: number): string {
  const nowMs = Math.floor(wallMs)
  if (nowMs > lastMs) {
    lastMs = nowMs
    counter = 0
  } else if (++counter > 0xfff) {
    lastMs += 1
    counter = 0
  }
  if (used === pool.length) {
    randomFillSync(pool)
    used = 0
  }
  const high = Math.floor(lastMs / 0x10000)
  const low = lastMs & 0xffff
  const random = pool.subarray(used, (used += 8))
  return (
    hex[(high >>> 24) & 0xff]! +
    hex[(high >>> 16) & 0xff]! +
    hex[(high >>> 8) & 0xff]! +
    hex[high & 0xff]! +
    '-' +
    hex[low >>> 8]! +
    hex[low & 0xff]! +
    '-' +
    hex[0x70 | (counter >>> 8)]! +
    hex[counter & 0xff]! +
    '-' +
    hex[0x80 | (random[0]! & 0x3f)]! +
    hex[random[1]!]! +
    '-' +
    hex[random[2]!]! +
    hex[random[3]!]! +
    hex[random[4]!]! +
    hex[random[5]!]! +
    hex[random[6]!]! +
    hex[random[7]!]!
  )
}
