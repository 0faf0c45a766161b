import * as fc from 'fast-check'
import { assignSticky } from '../src/group/sticky-assigner.js'

const partitionsOf = (count: number): number[] => Array.from({ length: count }, (_, partition) => partition)

/** Members that hold what a former assignment of theirs, with some others, gave them. */
const former = fc
  .record({
    before: fc.integer({ min: 1, max: 12 }),
    leaving: fc.integer({ min: 0, max: 11 }),
    joining: fc.integer({ min: 0, max: 6 }),
    count: fc.integer({ min: 0, max: 40 }),
  })
  .filter(({ before, leaving, joining }) => before - leaving + joining > 0 && leaving < before)
  .map(({ before, leaving, joining, count }) => {
    const partitions = partitionsOf(count)
    const assigned = assignSticky(
      partitionsOf(before).map((member) => ({ memberId: `m${member}`, held: [] })),
      partitions,
    )
    const stayed = [...assigned].slice(leaving).map(([memberId, held]) => ({ memberId, held }))
    const joined = partitionsOf(joining).map((member) => ({ memberId: `new${member}`, held: [] as number[] }))
    return { members: [...stayed, ...joined], partitions }
  })

describe('the sticky assigner', () => {
  it('gives every partition to exactly one member', () => {
    fc.assert(
      fc.property(former, ({ members, partitions }) => {
        const given = [...assignSticky(members, partitions).values()].flat()
        expect(given.toSorted((a, b) => a - b)).toEqual(partitions)
      }),
    )
  })

  it('gives everybody the same number, give or take one', () => {
    fc.assert(
      fc.property(former, ({ members, partitions }) => {
        const sizes = [...assignSticky(members, partitions).values()].map((list) => list.length)
        expect(Math.max(...sizes) - Math.min(...sizes)).toBeLessThanOrEqual(1)
      }),
    )
  })

  it('moves no more partitions than balance asks for', () => {
    fc.assert(
      fc.property(former, ({ members, partitions }) => {
        const assigned = assignSticky(members, partitions)
        const kept = members.reduce(
          (sum, { memberId, held }) =>
            sum + held.filter((partition) => assigned.get(memberId)?.includes(partition)).length,
          0,
        )
        const least = Math.floor(partitions.length / members.length)
        let oneMore = partitions.length % members.length
        const keepable = members
          .toSorted((a, b) => b.held.length - a.held.length)
          .reduce((sum, { held }) => {
            const most = oneMore > 0 && held.length > least ? (oneMore--, least + 1) : least
            return sum + Math.min(held.length, most)
          }, 0)
        expect(kept).toBe(keepable)
      }),
    )
  })

  it('depends on what members hold, not on the order they are listed in', () => {
    fc.assert(
      fc.property(former, ({ members, partitions }) => {
        const sorted = (assigned: Map<string, number[]>): unknown =>
          [...assigned].toSorted(([a], [b]) => (a < b ? -1 : 1))
        expect(sorted(assignSticky(members.toReversed(), partitions))).toEqual(
          sorted(assignSticky(members, partitions)),
        )
      }),
    )
  })

  it('gives a partition that two members claim to one of them', () => {
    const members = [
      { memberId: 'a', held: [0, 1] },
      { memberId: 'b', held: [1, 0] },
    ]
    expect([...assignSticky(members, [0, 1]).values()].flat().toSorted((a, b) => a - b)).toEqual([0, 1])
  })

  it('ignores claims to partitions that do not exist', () => {
    expect(assignSticky([{ memberId: 'a', held: [7] }], [0])).toEqual(new Map([['a', [0]]]))
  })

  it('gives nobody anything when nobody is there', () => {
    expect(assignSticky([], [0, 1])).toEqual(new Map())
  })
})
