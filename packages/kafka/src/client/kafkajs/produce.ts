import { Reader } from '../../wire/reader.js'
import { Writer } from '../../wire/writer.js'
import type { ProduceRequest } from '../kafka-client.js'
import { customRequest } from './custom-request.js'
import type { ProtocolRequest } from './internals.js'

export interface ProducedPartition {
  readonly topic: string
  readonly partition: number
  readonly errorCode: number
  readonly baseOffset: number
}

/**
 * One record batch of one partition, acks -1. kafkajs's own producer is not used: it loses
 * acknowledged messages when it retries several partitions or sends idempotently and concurrently.
 */
export function produceRequest(
  { topic, partition, recordBatch }: ProduceRequest,
  timeoutMs: number,
): ProtocolRequest<ProducedPartition[]> {
  return customRequest({
    apiKey: 0,
    apiVersion: 7,
    apiName: 'Produce',
    encode: () => {
      const out = new Writer(30 + Buffer.byteLength(topic) + recordBatch.length)
      out.int16(-1).int16(-1).int32(timeoutMs).int32(1).string(topic).int32(1)
      out.int32(partition).int32(recordBatch.length).bytes(recordBatch)
      return out.buffer.subarray(0, out.offset)
    },
    decode: (raw) => {
      const reader = new Reader(raw)
      const answers = reader.array(() => {
        const name = reader.string()
        return reader.array(() => {
          const answer = {
            topic: name,
            partition: reader.int32(),
            errorCode: reader.int16(),
            baseOffset: reader.int64(),
          }
          reader.bytes(16)
          return answer
        })
      })
      return answers.flat()
    },
  })
}
