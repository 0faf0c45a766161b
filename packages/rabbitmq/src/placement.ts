import { createHash } from 'node:crypto'

/**
 * The consumer priority (`x-priority`) of a member on a partition's queue: a rendezvous hash, so that the
 * broker, which gives a single active consumer's queue to the highest, spreads partitions over members
 * evenly and moves few of them when one joins or leaves.
 */
export function placementPriority(memberId: string, partition: number): number {
  return createHash('sha256').update(`${memberId}|${partition}`).digest().readUInt16BE(0)
}
