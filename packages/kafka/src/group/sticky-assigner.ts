export interface AssignableMember {
  readonly memberId: string
  readonly held: readonly number[]
}

/**
 * Who gets which partition: everybody the same number, give or take one, and as many as possible stay
 * where they are. Depends on nothing but its input.
 */
export function assignSticky(
  members: readonly AssignableMember[],
  partitions: readonly number[],
): Map<string, number[]> {
  const assigned = new Map(members.map(({ memberId }) => [memberId, [] as number[]]))
  if (members.length === 0) return assigned
  const open = new Set(partitions)
  const least = Math.floor(partitions.length / members.length)
  let oneMore = partitions.length % members.length
  // Who held most keeps most; ids only settle ties.
  const byHeld = members.toSorted((a, b) => b.held.length - a.held.length || compare(a.memberId, b.memberId))
  for (const { memberId, held } of byHeld) {
    const own = assigned.get(memberId) ?? []
    const stillOpen = [...new Set(held)].filter((partition) => open.has(partition)).toSorted((a, b) => a - b)
    const most = oneMore > 0 ? least + 1 : least
    for (const partition of stillOpen.slice(0, most)) {
      own.push(partition)
      open.delete(partition)
    }
    if (own.length > least) oneMore--
  }
  const rest = [...open].toSorted((a, b) => a - b)
  const ranked = [...assigned].toSorted(([a], [b]) => compare(a, b))
  for (const [, own] of ranked) {
    while (own.length < least) own.push(rest.shift()!)
  }
  for (const [, own] of ranked) {
    if (own.length === least && rest.length > 0) own.push(rest.shift()!)
  }
  return assigned
}

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)
