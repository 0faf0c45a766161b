const m = 0x5bd1e995
const seed = 0x9747b28c

/**
 * MurmurHash2, 32 bits, as in `org.apache.kafka.common.utils.Utils.murmur2`: the hash by which the
 * Java client places keys, so that every producer of a topic agrees.
 */
export function murmur2(data: Uint8Array): number {
  const length = data.length
  let h = seed ^ length
  let i = 0
  for (; i + 4 <= length; i += 4) {
    let k = data[i]! | (data[i + 1]! << 8) | (data[i + 2]! << 16) | (data[i + 3]! << 24)
    k = Math.imul(k, m)
    k ^= k >>> 24
    k = Math.imul(k, m)
    h = Math.imul(h, m) ^ k
  }
  const rest = length - i
  if (rest === 3) h ^= data[i + 2]! << 16
  if (rest >= 2) h ^= data[i + 1]! << 8
  if (rest >= 1) {
    h ^= data[i]!
    h = Math.imul(h, m)
  }
  h ^= h >>> 13
  h = Math.imul(h, m)
  return h ^ (h >>> 15)
}

/** The partition of a key: `(murmur2 & 0x7fffffff) % partitions`, as the Java client's default. */
export function partitionOf(key: Uint8Array, partitions: number): number {
  return (murmur2(key) & 0x7fffffff) % partitions
}
