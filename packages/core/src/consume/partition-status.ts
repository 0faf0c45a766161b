import type { PartitionStatus } from '../bus/subscription.js'
import type { Holding } from './holding.js'

/** A partition as `status()` shows it: how far it is, and what holds it back. */
export function partitionStatus(
  holding: Holding,
  full: PartitionStatus['full'],
  now: number,
): PartitionStatus {
  const { partition, progress, running } = holding
  const { oldest } = progress
  return {
    partition,
    unfinished: progress.unfinished,
    running,
    next: progress.next,
    oldest:
      oldest === undefined
        ? undefined
        : {
            key: oldest.key,
            id: oldest.id ?? '',
            ageMs: Math.round(now - oldest.arrivedAt),
            attempt: oldest.attempts,
          },
    full,
  }
}
