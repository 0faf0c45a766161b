import { createHash } from 'node:crypto'

/**
 * The consumer priorities (`x-priority`) of a member, one for each partition's queue. The broker gives a
 * single active consumer's queue to the highest, which thereby spreads partitions over members.
 *
 * As in rendezvous hashing each member ranks the partitions by itself, so one that joins or leaves moves
 * only its own. Ranks instead of hashes make every member highest somewhere, and so shares more even; a
 * second ranking decides between equals.
 */
export function placementPriorities(memberId: string, partitions: number): readonly number[] {
  const first = ranking(`${memberId}|first`, partitions)
  const second = ranking(`${memberId}|second`, partitions)
  return first.map((rank, partition) => rank * partitions + second[partition]!)
}

function ranking(seed: string, partitions: number): number[] {
  const hashes = Array.from({ length: partitions }, (_, partition) =>
    createHash('sha256').update(`${seed}|${partition}`).digest('hex'),
  )
  const order = [...hashes].toSorted()
  const ranks = new Map(order.map((hash, rank) => [hash, rank]))
  return hashes.map((hash) => ranks.get(hash)!)
}
