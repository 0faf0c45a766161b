import { placementPriority } from '../src/placement.js'

const partitions = Array.from({ length: 300 }, (_, partition) => partition)

function owners(members: readonly string[]): string[] {
  return partitions.map((partition) =>
    members.reduce((best, member) =>
      placementPriority(member, partition) > placementPriority(best, partition) ? member : best,
    ),
  )
}

describe('the placement of partitions on members', () => {
  it('is even', () => {
    const members = ['a', 'b', 'c']
    const found = owners(members)
    for (const member of members) expect(found.filter((owner) => owner === member).length).toBeGreaterThan(70)
  })

  it('moves only what a joining member takes', () => {
    const before = owners(['a', 'b', 'c'])
    const after = owners(['a', 'b', 'c', 'd'])
    expect(after.filter((owner, partition) => owner !== 'd' && owner !== before[partition])).toEqual([])
  })
})
