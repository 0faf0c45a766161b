import { Reader } from '../../wire/reader.js'
import { Writer } from '../../wire/writer.js'
import type { FetchRequest } from '../kafka-client.js'
import { customRequest } from './custom-request.js'
import type { ProtocolRequest } from './internals.js'

export interface RawPartition {
  readonly partition: number
  readonly errorCode: number
  readonly aborted: readonly { readonly producerId: bigint; readonly firstOffset: number }[]
  readonly recordSet: Buffer
}

const readCommitted = 1

/**
 * Fetch of one topic's partitions. Unlike kafkajs's own, an error or an unreadable batch of one
 * partition leaves the others whole: record sets stay bytes here.
 */
export function fetchRequest({
  topic,
  maxWaitMs,
  maxBytes,
  partitions,
}: FetchRequest): ProtocolRequest<RawPartition[]> {
  return customRequest({
    apiKey: 1,
    apiVersion: 11,
    apiName: 'Fetch',
    encode: () => {
      const out = new Writer(64 + Buffer.byteLength(topic) + partitions.length * 28)
      out.int32(-1).int32(maxWaitMs).int32(1).int32(maxBytes).int8(readCommitted).int32(0).int32(-1)
      out.int32(1).string(topic).int32(partitions.length)
      for (const { partition, offset, maxBytes: partitionBytes } of partitions) {
        out.int32(partition).int32(-1).int64(offset).int64(-1).int32(partitionBytes)
      }
      out.int32(0).string('')
      return out.buffer.subarray(0, out.offset)
    },
    decode: (raw) => {
      const reader = new Reader(raw)
      reader.int32()
      reader.int16()
      reader.int32()
      const answers = reader.array(() => {
        reader.string()
        return reader.array(() => readPartition(reader))
      })
      return answers.flat()
    },
  })
}

function readPartition(reader: Reader): RawPartition {
  const partition = reader.int32()
  const errorCode = reader.int16()
  reader.bytes(24)
  const aborted = reader.array(() => ({ producerId: reader.bigint(), firstOffset: reader.int64() }))
  reader.int32()
  const length = reader.int32()
  // A copy, so that one message kept for long does not keep the whole answer in memory.
  const recordSet = Buffer.from(reader.bytes(Math.max(0, length)))
  return { partition, errorCode, aborted, recordSet }
}
