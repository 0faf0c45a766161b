import { Reader } from '../wire/reader.js'
import { Writer } from '../wire/writer.js'

/** What a member tells the others when it joins. */
export interface Subscription {
  readonly topics: readonly string[]
  /** The partitions it held before, for whoever assigns. */
  readonly held: readonly number[]
}

const version = 0

/** Kafka's consumer protocol, "Subscription" version 0; the user data is ours: the held partitions as INT32s. */
export function encodeSubscription({ topics, held }: Subscription): Buffer {
  const topicBytes = topics.reduce((sum, topic) => sum + 2 + Buffer.byteLength(topic), 0)
  const out = new Writer(10 + topicBytes + held.length * 4)
  out.int16(version).int32(topics.length)
  for (const topic of topics) out.string(topic)
  out.int32(held.length * 4)
  for (const partition of held) out.int32(partition)
  return out.buffer
}

export function decodeSubscription(bytes: Buffer): Subscription {
  const reader = new Reader(bytes)
  reader.int16()
  const topics = reader.array(() => reader.string())
  const userData = new Reader(reader.left < 4 ? Buffer.alloc(0) : reader.bytes(Math.max(0, reader.int32())))
  const held = Array.from({ length: Math.floor(userData.left / 4) }, () => userData.int32())
  return { topics, held }
}

/** "Assignment" version 0 of one topic. */
export function encodeAssignment(topic: string, partitions: readonly number[]): Buffer {
  const out = new Writer(16 + Buffer.byteLength(topic) + partitions.length * 4)
  out.int16(version).int32(1).string(topic).int32(partitions.length)
  for (const partition of partitions) out.int32(partition)
  out.int32(0)
  return out.buffer.subarray(0, out.offset)
}

export function decodeAssignment(topic: string, bytes: Buffer): number[] {
  if (bytes.length === 0) return []
  const reader = new Reader(bytes)
  reader.int16()
  const assigned = reader.array(() => ({
    name: reader.string(),
    partitions: reader.array(() => reader.int32()),
  }))
  return assigned.filter(({ name }) => name === topic).flatMap(({ partitions }) => partitions)
}
