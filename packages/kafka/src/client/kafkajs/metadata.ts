import { Reader } from '../../wire/reader.js'
import { Writer } from '../../wire/writer.js'
import type { TopicDescription } from '../kafka-client.js'
import { customRequest } from './custom-request.js'
import type { ApiVersions, Internals, ProtocolRequest } from './internals.js'

export interface BrokerDescription {
  readonly nodeId: number
  readonly host: string
  readonly port: number
}

export interface Metadata {
  readonly brokers: readonly BrokerDescription[]
  readonly controllerId: number
  readonly topics: readonly (TopicDescription & { readonly errorCode: number })[]
}

const metadataKey = 3

/** Version 10 tells the topics' ids; kafkajs knows 6 at most, which is used where the broker is that old. */
export function metadataRequest(
  internals: Internals,
  versions: ApiVersions,
  topics: readonly string[],
): ProtocolRequest<Metadata> {
  if ((versions[metadataKey]?.maxVersion ?? 0) < 10) return oldRequest(internals, topics)
  return customRequest({
    apiKey: metadataKey,
    apiVersion: 10,
    apiName: 'Metadata',
    encode: () => encodeRequest(topics),
    decode: decodeAnswer,
  })
}

function encodeRequest(topics: readonly string[]): Buffer {
  const sizes = topics.map((topic) => Buffer.byteLength(topic))
  const out = new Writer(sizes.reduce((sum, size) => sum + size + 24, 16))
  out.uvarint(0).uvarint(topics.length + 1)
  topics.forEach((topic, index) => {
    out
      .bytes(Buffer.alloc(16))
      .uvarint((sizes[index] ?? 0) + 1)
      .utf8(topic)
      .uvarint(0)
  })
  out.int8(0).int8(0).int8(0).uvarint(0)
  return out.buffer.subarray(0, out.offset)
}

function decodeAnswer(raw: Buffer): Metadata {
  const reader = new Reader(raw)
  const int32 = (): number => reader.int32()
  reader.tags()
  reader.int32()
  const brokers = reader.compactArray(() => {
    const broker = { nodeId: reader.int32(), host: reader.compactString(), port: reader.int32() }
    reader.compactString()
    reader.tags()
    return broker
  })
  reader.compactString()
  const controllerId = reader.int32()
  const topics = reader.compactArray(() => {
    const errorCode = reader.int16()
    const name = reader.compactString()
    const id = reader.uuid()
    reader.boolean()
    const partitions = reader.compactArray(() => {
      reader.int16()
      const partition = reader.int32()
      const leader = reader.int32()
      reader.int32()
      const replicas = reader.compactArray(int32).length
      reader.compactArray(int32)
      reader.compactArray(int32)
      reader.tags()
      return { partition, leader, replicas }
    })
    reader.int32()
    reader.tags()
    return { errorCode, name, id, partitions: partitions.toSorted((a, b) => a.partition - b.partition) }
  })
  return { brokers, controllerId, topics }
}

interface OldMetadata {
  readonly brokers: readonly BrokerDescription[]
  readonly controllerId: number
  readonly topicMetadata: readonly {
    readonly topicErrorCode: number
    readonly topic: string
    readonly partitionMetadata: readonly {
      readonly partitionId: number
      readonly leader: number
      readonly replicas: readonly number[]
    }[]
  }[]
}

function oldRequest(internals: Internals, topics: readonly string[]): ProtocolRequest<Metadata> {
  const make = internals.requests['Metadata']!.protocol({ version: 6 })
  const { request, response } = make({ topics, allowAutoTopicCreation: false })
  return {
    request,
    response: {
      decode: response.decode,
      parse: async ({ brokers, controllerId, topicMetadata }: OldMetadata) => ({
        brokers,
        controllerId,
        topics: topicMetadata.map(({ topic, topicErrorCode, partitionMetadata }) => ({
          name: topic,
          id: '',
          errorCode: topicErrorCode,
          partitions: partitionMetadata
            .map(({ partitionId, leader, replicas }) => ({
              partition: partitionId,
              leader,
              replicas: replicas.length,
            }))
            .toSorted((a, b) => a.partition - b.partition),
        })),
      }),
    },
  }
}
