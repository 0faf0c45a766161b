import * as fc from 'fast-check'
import { decodeProgress, encodeProgress, type ProgressRecord } from '../../src/consume/progress-codec.js'
import { propertyRuns } from '../support/property-runs.js'

const records = fc.record({
  base: fc.nat({ max: Number.MAX_SAFE_INTEGER - 1_000_000_000 }),
  logId: fc.oneof(fc.string({ maxLength: 30 }), fc.string({ unit: 'grapheme', maxLength: 10 })),
  runs: fc.array(fc.integer({ min: 1, max: 100_000 }), { maxLength: 400 }),
  tries: fc.array(fc.tuple(fc.integer({ min: 1, max: 500 }), fc.integer({ min: 1, max: 1_000 })), {
    maxLength: 50,
  }),
})

/** Positions ascend from the base in steps. */
function made({
  base,
  logId,
  runs,
  tries,
}: typeof records extends fc.Arbitrary<infer T> ? T : never): ProgressRecord {
  let position = base
  return { base, logId, runs, attempts: new Map(tries.map(([step, count]) => [(position += step), count])) }
}

describe('the progress record', () => {
  it('comes back as it was, but for unfinished ones at its end', () => {
    fc.assert(
      fc.property(records, (shape) => {
        const record = made(shape)
        const { text, complete } = encodeProgress(record, 1_000_000)
        const runs = record.runs.slice(0, record.runs.length - (record.runs.length % 2))
        expect(complete).toBe(true)
        expect(decodeProgress(text)).toEqual({ ...record, runs })
      }),
      { numRuns: propertyRuns(200) },
    )
  })

  it('fits whatever limit there is, and then leaves out from the end only', () => {
    fc.assert(
      fc.property(records, fc.integer({ min: 160, max: 4_096 }), (shape, maxBytes) => {
        const record = made(shape)
        const { text, complete } = encodeProgress(record, maxBytes)
        expect(text.length).toBeLessThanOrEqual(maxBytes)
        expect(text).toMatch(/^w1:[\w-]*$/)
        const decoded = decodeProgress(text) as ProgressRecord
        expect(decoded.runs).toEqual(record.runs.slice(0, decoded.runs.length))
        expect([...decoded.attempts]).toEqual([...record.attempts].slice(0, decoded.attempts.size))
        expect(complete).toBe(decoded.runs.length >= record.runs.length - 1)
      }),
      { numRuns: propertyRuns(200) },
    )
  })

  it('is never garbage: what cannot be read gives a reason and throws nothing', () => {
    const texts = fc.oneof(
      fc.string(),
      fc.string().map((text) => `w1:${text}`),
      fc.uint8Array({ maxLength: 60 }).map((bytes) => `w1:${Buffer.from(bytes).toString('base64url')}`),
    )
    fc.assert(
      fc.property(texts, (text) => {
        const decoded = decodeProgress(text)
        const numbers = typeof decoded === 'string' ? [] : [decoded.base, ...decoded.runs]
        expect(numbers.filter((number) => !Number.isSafeInteger(number))).toEqual([])
        expect(decoded).not.toBe('')
      }),
      { numRuns: propertyRuns(1_000) },
    )
  })

  it.each([
    ['', /another version/],
    ['v0:AAAA', /another version/],
    ['w1:', /ends early/],
    ['w1:AAAAAAAA', /bytes after its end/],
    ['w1:AAD_AQ', /ends early|counts more/],
    ['w1:____________', /too large/],
    ['metadata of somebody else', /another version/],
  ])('says why %j cannot be used', (text, reason) => {
    expect(decodeProgress(text)).toMatch(reason)
  })
})
