import { newId } from '../../src/message/identity.js'

const uuid7 = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/

describe('a new id', () => {
  const startMs = Date.UTC(2030, 0, 1)

  it('is a UUIDv7 of its time', () => {
    const id = newId(startMs)
    expect(id).toMatch(uuid7)
    expect(Number.parseInt(id.replaceAll('-', '').slice(0, 12), 16)).toBe(startMs)
  })

  it.each([
    ['within a millisecond', () => startMs + 1],
    ['within a fraction of one', () => startMs + 10.5],
    ['when the clock goes on', (index: number) => startMs + 100 + index / 3],
    ['when the clock steps back', (index: number) => startMs + 50_000 - index],
  ])('is above all before it, %s', (_, wallMs) => {
    const ids = Array.from({ length: 10_000 }, (__, index) => newId(wallMs(index)))
    expect(ids.filter((id) => !uuid7.test(id))).toEqual([])
    expect(ids).toEqual(ids.toSorted())
    expect(new Set(ids).size).toBe(ids.length)
  })
})
