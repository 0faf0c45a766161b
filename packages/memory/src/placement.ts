/**
 * Shares partitions evenly: every member gets as many as any other, or one more. A partition moves
 * only if the shares could not be even otherwise.
 */
export function place<Member>(
  members: readonly Member[],
  previous: readonly (Member | undefined)[],
): (Member | undefined)[] {
  if (members.length === 0) return previous.map(() => undefined)
  const held = new Map<Member, number>(members.map((member) => [member, 0]))
  for (const member of previous)
    if (member !== undefined && held.has(member)) held.set(member, held.get(member)! + 1)

  const share = Math.floor(previous.length / members.length)
  const larger = previous.length % members.length
  const byHeld = members.toSorted((a, b) => held.get(b)! - held.get(a)!)
  const room = new Map<Member, number>(
    byHeld.map((member, index) => [member, index < larger ? share + 1 : share]),
  )

  const take = (member: Member): boolean => {
    const left = room.get(member) ?? 0
    room.set(member, left - 1)
    return left > 0
  }
  const kept = previous.map((member) =>
    member !== undefined && held.has(member) && take(member) ? member : undefined,
  )
  const free = byHeld.flatMap((member) => Array<Member>(Math.max(0, room.get(member)!)).fill(member))
  return kept.map((member) => member ?? free.pop())
}
