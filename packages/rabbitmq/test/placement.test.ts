import { placementPriorities } from '../src/placement.js'

/** The member with the highest priority, for each partition. */
function owners(members: readonly string[], partitions: number): string[] {
  const priorities = new Map(members.map((member) => [member, placementPriorities(member, partitions)]))
  const priority = (member: string, partition: number): number => priorities.get(member)?.[partition] ?? -1
  return Array.from({ length: partitions }, (_, partition) =>
    members.reduce((best, member) =>
      priority(member, partition) > priority(best, partition) ? member : best,
    ),
  )
}

const groups = Array.from({ length: 300 }, (_, group) => group)

/** In how many of many groups a member would have nothing to do. */
function idleGroups(members: number, partitions: number): number {
  return groups.filter((group) => {
    const names = Array.from({ length: members }, (_, member) => `${group}-${member}`)
    return new Set(owners(names, partitions)).size < members
  }).length
}

describe('the placement of partitions on members', () => {
  it('leaves hardly a member without partitions', () => {
    expect(idleGroups(2, 4)).toBe(0)
    expect(idleGroups(3, 12)).toBe(0)
    // Independent hashes would leave one idle in about 78 of 300 here (3 · (2/3)⁶).
    expect(idleGroups(3, 6)).toBeLessThan(30)
  })

  it('is even in large', () => {
    const members = ['a', 'b', 'c']
    const found = owners(members, 300)
    for (const member of members) expect(found.filter((owner) => owner === member).length).toBeGreaterThan(75)
  })

  it('moves only what a joining member takes', () => {
    const before = owners(['a', 'b', 'c'], 300)
    const after = owners(['a', 'b', 'c', 'd'], 300)
    expect(after.filter((owner, partition) => owner !== 'd' && owner !== before[partition])).toEqual([])
  })

  it('fits the integers of AMQP for thousands of partitions', () => {
    const priorities = placementPriorities('a', 4_000)
    expect(Math.max(...priorities)).toBeLessThan(2 ** 31)
    expect(new Set(priorities).size).toBe(4_000)
  })
})
