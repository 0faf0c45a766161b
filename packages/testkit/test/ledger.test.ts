import { appendFileSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Entry, type Event, type Verdict, check, fileJournal, readJournal } from '../src/index.js'

type Step = Event & { readonly by?: string }

/** A journal with one entry per 10 ms. */
const journal = (...steps: readonly Step[]): Entry[] =>
  steps.map(({ by = 'a', ...event }, index) => ({ ...event, member: by, atMs: index * 10 }))

const published = (
  id: string,
  key: string | null = 'k',
  outcome: 'stored' | 'rejected' | 'unknown' = 'stored',
): Step[] => [
  { type: 'publishing', topic: 't', id, key: key ?? undefined },
  { type: 'settled', topic: 't', id, outcome },
]
const started = (id: string, run: number, by: string = 'a', key: string | undefined = 'k'): Step => ({
  type: 'started',
  topic: 't',
  group: 'g',
  id,
  key,
  run,
  by,
})
const ended = (run: number, by: string = 'a', ok: boolean = true): Step => ({ type: 'ended', run, ok, by })
const ran = (id: string, run: number, by: string = 'a', key: string = 'k'): Step[] => [
  started(id, run, by, key),
  ended(run, by),
]

const verdict = (...steps: readonly Step[]): Verdict => check(journal(...steps), { topic: 't', group: 'g' })
const clean = { lost: [], unexpected: [], disordered: [], overlaps: [], abortedOverlaps: [], duplicates: [] }

describe('check', () => {
  it('finds nothing wrong where nothing is', () => {
    const steps = [...published('1'), ...published('2'), ...ran('1', 1), ...ran('2', 2, 'b')]
    expect(verdict(...steps)).toEqual({ ...clean, stored: 2, unknown: 0, handled: 2 })
  })

  it('finds a stored message whose handler never succeeded', () => {
    const steps = [
      ...published('1'),
      ...published('2'),
      ...published('3'),
      ...ran('1', 1),
      started('2', 2),
      ended(2, 'a', false),
    ]
    expect(verdict(...steps)).toMatchObject({ lost: ['2', '3'], handled: 1 })
  })

  it('does not expect what the test excuses', () => {
    const entries = journal(...published('1'), ...published('2'), ...ran('2', 1))
    expect(check(entries, { topic: 't', group: 'g', excused: new Set(['1']) })).toMatchObject(clean)
  })

  it('expects nothing of a message with an unknown outcome, and allows it', () => {
    const steps = [...published('1', 'k', 'unknown'), ...published('2', 'k', 'unknown'), ...ran('2', 1)]
    expect(verdict(...steps)).toMatchObject({ ...clean, unknown: 2 })
  })

  it('finds a message that was never published, or surely not stored', () => {
    const steps = [...published('1', 'k', 'rejected'), ...ran('1', 1), ...ran('2', 2)]
    expect(verdict(...steps)).toMatchObject({ unexpected: ['1', '2'] })
  })

  it('finds a later message of a key that ran first', () => {
    const steps = [...published('1'), ...published('2'), ...ran('2', 1), ...ran('1', 2)]
    expect(verdict(...steps)).toMatchObject({ disordered: [{ key: 'k', first: '1', second: '2' }] })
  })

  it('finds a later message of a key that ran while an earlier one waited to be tried again', () => {
    const steps = [
      ...published('1'),
      ...published('2'),
      started('1', 1),
      ended(1, 'a', false),
      ...ran('2', 2),
      ...ran('1', 3),
    ]
    expect(verdict(...steps)).toMatchObject({ disordered: [{ first: '1', second: '2' }], duplicates: [] })
  })

  it('compares no order between keys, between publishers, or without a key', () => {
    const steps = [
      ...published('1'),
      ...published('2', 'other'),
      ...published('3', null),
      ...published('4', null),
      ...published('5').map((step) => ({ ...step, by: 'b' })),
    ]
    const runs = [...ran('5', 1), ...ran('4', 2), ...ran('3', 3), ...ran('2', 4), ...ran('1', 5)]
    expect(verdict(...steps, ...runs)).toMatchObject(clean)
  })

  it('lets a replay after a kill go back in order', () => {
    const steps = [
      ...published('1'),
      ...published('2'),
      ...published('3'),
      ...ran('1', 1),
      ...ran('2', 2),
      started('3', 3),
    ]
    const replay = [...ran('1', 1, 'b'), ...ran('2', 2, 'b'), ...ran('3', 3, 'b')]
    expect(verdict(...steps, { type: 'killed', victim: 'a', by: 'test' }, ...replay)).toMatchObject({
      ...clean,
      duplicates: ['1', '2', '3'],
    })
  })

  it('finds two runs of one key at once, in two processes, by the key it was published with', () => {
    const steps = [
      ...published('1'),
      ...published('2'),
      started('1', 1),
      started('2', 1, 'b', 'changed'),
      ended(1),
      ended(1, 'b'),
    ]
    expect(verdict(...steps)).toMatchObject({
      overlaps: [{ key: 'k', first: '1', second: '2', members: ['a', 'b'] }],
    })
  })

  it('ends the open runs of a killed member with its kill, and not before', () => {
    const killed: Step = { type: 'killed', victim: 'a', by: 'test' }
    const before = [...published('1'), started('1', 1)]
    expect(verdict(...before, killed, ...ran('1', 1, 'b'))).toMatchObject({ overlaps: [], duplicates: ['1'] })
    expect(verdict(...before, ...ran('1', 1, 'b'), killed)).toMatchObject({
      overlaps: [{ first: '1', second: '1' }],
    })
  })

  it('counts an overlap with a run whose signal had aborted apart', () => {
    const steps = [
      ...published('1'),
      started('1', 1),
      { type: 'aborted', run: 1 } as const,
      ...ran('1', 1, 'b'),
      ended(1),
    ]
    expect(verdict(...steps)).toMatchObject({ overlaps: [], abortedOverlaps: [{ first: '1' }] })
  })

  it('counts every repetition of a run that had not failed as a duplicate, and no retry of one that had', () => {
    const retried = [started('1', 1), ended(1, 'a', false), ...ran('1', 2)]
    expect(verdict(...published('1'), ...retried).duplicates).toEqual([])
    expect(verdict(...published('1'), ...retried, ...ran('1', 3), ...ran('1', 4)).duplicates).toEqual([
      '1',
      '1',
    ])
  })
})

describe('fileJournal', () => {
  it('is read back by another process, without the line that a kill left incomplete', () => {
    const folder = mkdtempSync(join(tmpdir(), 'ledger-'))
    const file = join(folder, 'journal')
    const journalOfA = fileJournal('a', file)
    journalOfA.note({ type: 'ended', run: 1, ok: true })
    fileJournal('b', file).note({ type: 'killed', victim: 'a' })
    appendFileSync(file, '{"type":"en')
    const entries = readJournal(file)
    expect(entries).toMatchObject([
      { type: 'ended', run: 1, ok: true, member: 'a' },
      { type: 'killed', victim: 'a', member: 'b' },
    ])
    expect(Math.abs((entries[0]?.atMs ?? 0) - Date.now())).toBeLessThan(5_000)
    rmSync(folder, { recursive: true })
  })
})
