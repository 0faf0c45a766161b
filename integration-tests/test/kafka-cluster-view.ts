import type { KafkaHandle, NodeHandle } from '@waybill/integration-tests/environment'
import { type Admin, Kafka, logLevel } from 'kafkajs'
import { until } from './kafka-support.js'

/** What an operator sees of a cluster: who leads what, which copies are in sync, who coordinates a group. */
export interface ClusterView {
  readonly admin: Admin
  leaders(topic: string): Promise<Map<number, NodeHandle>>
  coordinator(groupId: string): Promise<NodeHandle>
  /** Resolves when every copy of every partition is up to date. */
  inSync(): Promise<void>
  close(): Promise<void>
}

export async function viewCluster(cluster: KafkaHandle): Promise<ClusterView> {
  const client = new Kafka({ brokers: [...cluster.brokers], logLevel: logLevel.NOTHING })
  const admin = client.admin()
  await admin.connect()
  const partitionsOf = async (topic: string) => {
    const { topics } = await admin.fetchTopicMetadata({ topics: [topic] })
    return topics[0]?.partitions ?? []
  }
  const leaders = async (topic: string) => {
    const partitions = await partitionsOf(topic)
    return new Map(partitions.map(({ partitionId, leader }) => [partitionId, nodeOf(cluster, leader)]))
  }
  return {
    admin,
    leaders,
    async coordinator(groupId) {
      const all = await leaders('__consumer_offsets')
      const node = all.get(Math.abs(javaHash(groupId)) % all.size)
      if (node === undefined) throw new Error(`nobody coordinates ${groupId}`)
      return node
    },
    inSync: () =>
      until(async () => {
        const { topics } = await admin.fetchTopicMetadata()
        return topics.every(({ partitions }) =>
          partitions.every(({ leader, isr, replicas }) => leader > 0 && isr.length === replicas.length),
        )
      }, 40_000),
    close: () => admin.disconnect(),
  }
}

/** Node ids count from 1. */
function nodeOf({ nodes }: KafkaHandle, id: number): NodeHandle {
  const node = nodes[id - 1]
  if (node === undefined) throw new Error(`broker ${id} is none of the cluster's`)
  return node
}

/** `String.hashCode`, by which the brokers place groups; of ASCII text. */
const javaHash = (text: string): number =>
  Buffer.from(text).reduce((hash, byte) => (Math.imul(hash, 31) + byte) | 0, 0)
