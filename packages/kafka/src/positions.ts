import { type KafkaClient, KafkaFailure } from './client/kafka-client.js'

export interface StartPosition {
  readonly partition: number
  readonly position: number
  /** What was committed with the position; `undefined` if nothing was, or it does not fit any more. */
  readonly record: string | undefined
  /** Set when the committed offset is not in the log. */
  readonly outOfRange: OutOfRange | undefined
}

export interface OutOfRange {
  readonly committed: number
  readonly earliest: number
  readonly latest: number
}

/**
 * Where a group goes on. Without a commit at the earliest offset: a group that starts at the latest
 * was given one when it was declared. A commit that the log does not reach is no position either.
 */
export async function startPositions(
  client: KafkaClient,
  group: string,
  topic: string,
  partitions: readonly number[],
): Promise<StartPosition[]> {
  if (partitions.length === 0) return []
  const [committed, earliest, latest] = await Promise.all([
    client.committed(group, topic, partitions),
    client.offsets(topic, partitions, 'earliest'),
    client.offsets(topic, partitions, 'latest'),
  ])
  return partitions.map((partition) => {
    const offset = committed.get(partition)
    // A partition without a leader tells nothing; the fetch will, once there is one.
    const first = earliest.get(partition) ?? 0
    const end = latest.get(partition) ?? Number.MAX_SAFE_INTEGER
    if (offset === undefined) return { partition, position: first, record: undefined, outOfRange: undefined }
    if (offset.offset >= first && offset.offset <= end) {
      return {
        partition,
        position: offset.offset,
        record: offset.metadata === '' ? undefined : offset.metadata,
        outOfRange: undefined,
      }
    }
    const outOfRange = { committed: offset.offset, earliest: first, latest: end }
    return { partition, position: first, record: undefined, outOfRange }
  })
}

/** Gives a group that starts at the latest offset its start, unless it has one. */
export async function pinLatest(
  client: KafkaClient,
  group: string,
  topic: string,
  partitions: readonly number[],
): Promise<void> {
  // In this order: what another declaration pinned after our look at the end is not before it.
  const latest = await client.offsets(topic, partitions, 'latest')
  if (latest.size < partitions.length)
    throw new KafkaFailure('LEADER_NOT_AVAILABLE', 'a partition has no leader', false)
  const committed = await client.committed(group, topic, partitions)
  const missing = [...latest].filter(([partition]) => !committed.has(partition))
  // Partitions added later start at the earliest offset, so only a group without any commit is new.
  if (missing.length < partitions.length) return
  const offsets = new Map(missing.map(([partition, offset]) => [partition, { offset, metadata: '' }]))
  await client.commit(group, { memberId: '', generation: -1 }, topic, offsets)
}

/** What the log of a partition holds now: from `earliest` to before `latest`. */
export async function logRange(
  client: KafkaClient,
  topic: string,
  partition: number,
): Promise<{ earliest: number; latest: number }> {
  const [firsts, ends] = await Promise.all([
    client.offsets(topic, [partition], 'earliest'),
    client.offsets(topic, [partition], 'latest'),
  ])
  const earliest = firsts.get(partition)
  const latest = ends.get(partition)
  if (earliest === undefined || latest === undefined)
    throw new KafkaFailure('LEADER_NOT_AVAILABLE', 'the partition has no leader', false)
  return { earliest, latest }
}
