import { murmur2, partitionOf } from '../../src/topic/partitioner.js'

// Made with org.apache.kafka.common.utils.Utils.murmur2 of kafka-clients 4.1.0; the first six are in its UtilsTest.
const vectors: [key: string, hash: number, at6: number, at10: number, at12: number, at60: number][] = [
  ['21', -973932308, 0, 0, 0, 0],
  ['foobar', -790332482, 0, 6, 6, 6],
  ['a-little-bit-long-string', -985981536, 2, 2, 8, 32],
  ['a-little-bit-longer-string', -1486304829, 5, 9, 11, 59],
  ['lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8', -58897971, 5, 7, 5, 17],
  ['abc', 479470107, 3, 7, 3, 27],
  ['', 275646681, 3, 1, 9, 21],
  ['a', -1563381124, 4, 4, 4, 4],
  ['customer-42', -542987495, 3, 3, 9, 33],
  ['ключ', 2122343024, 2, 4, 8, 44],
  ['顧客', 770610258, 0, 8, 6, 18],
]

describe('the partition of a key', () => {
  it.each(vectors)('is where the Java client puts %j', (key, hash, at6, at10, at12, at60) => {
    const bytes = Buffer.from(key)
    expect(murmur2(bytes)).toBe(hash)
    expect([6, 10, 12, 60].map((partitions) => partitionOf(bytes, partitions))).toEqual([
      at6,
      at10,
      at12,
      at60,
    ])
  })

  it('takes bytes above 127 as unsigned', () => {
    expect(murmur2(Uint8Array.from({ length: 256 }, (_, byte) => byte))).toBe(-1948347274)
    expect(murmur2(Uint8Array.of(255, 254, 128))).toBe(-160726397)
  })
})
