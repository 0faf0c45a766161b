import { decodeSubscription, encodeAssignment, type Subscription } from './protocol.js'
import { assignSticky } from './sticky-assigner.js'

/** Members with another assigner refuse each other: it names what `held` in the subscription means. */
export const protocolName = 'waybill-sticky'

interface Joined {
  readonly memberId: string
  readonly metadata: Buffer
}

/** The leader's work: every topic's partitions to the members that consume it. Empty for everybody else. */
export async function assignMembers(
  members: readonly Joined[],
  partitionsOf: (topic: string) => Promise<readonly number[]>,
): Promise<Map<string, Buffer>> {
  const byTopic = new Map<string, { memberId: string; held: readonly number[] }[]>()
  for (const { memberId, metadata } of members) {
    const { topics, held } = subscriptionOf(metadata)
    // A member of ours consumes one topic; a mapped group may have members of several.
    const topic = topics[0]
    if (topic === undefined) continue
    byTopic.set(topic, [...(byTopic.get(topic) ?? []), { memberId, held }])
  }
  const assignments = new Map<string, Buffer>()
  for (const [topic, consumers] of byTopic) {
    for (const [memberId, partitions] of assignSticky(consumers, await partitionsOf(topic))) {
      assignments.set(memberId, encodeAssignment(topic, partitions))
    }
  }
  return assignments
}

function subscriptionOf(metadata: Buffer): Subscription {
  try {
    return decodeSubscription(metadata)
  } catch {
    return { topics: [], held: [] }
  }
}
