import { array, assert, constantFrom, option, property, uniqueArray } from 'fast-check'
import { place } from '../src/placement.js'

const count = <T>(list: readonly T[], item: T): number => list.filter((other) => other === item).length

describe('placement of partitions', () => {
  it('leaves everything free without members', () => {
    expect(place([], ['a', undefined])).toEqual([undefined, undefined])
  })

  it('is even, complete, and keeps all that evenness allows', () => {
    const members = uniqueArray(constantFrom('a', 'b', 'c', 'd', 'e'), { minLength: 1 })
    const previous = array(option(constantFrom('a', 'b', 'c', 'd', 'e', 'gone'), { nil: undefined }))
    assert(
      property(members, previous, (present, before) => {
        const after = place(present, before)
        const share = Math.floor(before.length / present.length)
        const counts = present.map((member) => count(after, member))
        expect(counts.reduce((sum, held) => sum + held, 0)).toBe(before.length)
        for (const held of counts) expect([share, share + 1]).toContain(held)
        for (const [index, member] of present.entries()) {
          const kept = before.filter(
            (holder, partition) => holder === member && after[partition] === member,
          ).length
          expect(kept).toBe(Math.min(count(before, member), counts[index]!))
        }
      }),
    )
  })

  it('changes nothing when it is even already', () => {
    const even = ['a', 'b', 'a', 'c', 'b']
    expect(place(['c', 'b', 'a'], even)).toEqual(even)
  })
})
