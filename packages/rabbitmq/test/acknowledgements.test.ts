import * as fc from 'fast-check'
import { Acknowledgements } from '../src/acknowledgements.js'
import type { Ack } from '../src/acknowledgements.js'

/** What the broker does with a `basic.ack`: any tag that is not outstanding closes the channel (406). */
class Broker {
  readonly outstanding: Set<number>

  constructor(delivered: number) {
    this.outstanding = new Set(Array.from({ length: delivered }, (_, index) => index + 1))
  }

  acknowledge({ tag, multiple }: Ack): void {
    if (!this.outstanding.has(tag)) throw new Error(`406 unknown delivery tag ${tag}`)
    for (const one of this.outstanding)
      if (one === tag || (multiple && one < tag)) this.outstanding.delete(one)
  }
}

describe('the acknowledgements of one channel', () => {
  it('never name a tag that is not outstanding, and leave exactly what is unfinished', () => {
    const scenario = fc.integer({ min: 1, max: 30 }).chain((delivered) =>
      fc.record({
        order: fc.shuffledSubarray(Array.from({ length: delivered }, (_, index) => index + 1)),
        delivered: fc.constant(delivered),
        // After how many finished messages progress is noted, and how many notes go out together.
        noteEvery: fc.integer({ min: 1, max: 5 }),
        takeEvery: fc.integer({ min: 1, max: 3 }),
      }),
    )
    fc.assert(
      fc.property(scenario, ({ order, delivered, noteEvery, takeEvery }) => {
        const broker = new Broker(delivered)
        const acknowledgements = new Acknowledgements()
        const finished = new Set<number>()
        let news: number[] = []
        let notes = 0
        const settle = (): void => {
          for (const ack of acknowledgements.take()) broker.acknowledge(ack)
        }
        const note = (): void => {
          let next = 1
          while (finished.has(next)) next++
          acknowledgements.note({
            next,
            finished: news.filter((tag) => tag >= next).toSorted((a, b) => a - b),
            record: '',
          })
          news = []
          if (++notes % takeEvery === 0) settle()
        }
        for (const [index, tag] of order.entries()) {
          finished.add(tag)
          news.push(tag)
          if ((index + 1) % noteEvery === 0) note()
        }
        note()
        settle()
        expect([...broker.outstanding].filter((tag) => finished.has(tag))).toEqual([])
        expect(broker.outstanding.size).toBe(delivered - finished.size)
        expect(acknowledgements.acknowledged).toBe(finished.size)
      }),
      { numRuns: 500 },
    )
  })

  it('are one multiple for everything below the watermark', () => {
    const acknowledgements = new Acknowledgements()
    acknowledgements.note({ next: 4, finished: [], record: '' })
    acknowledgements.note({ next: 7, finished: [9], record: '' })
    expect(acknowledgements.take()).toEqual([
      { tag: 6, multiple: true },
      { tag: 9, multiple: false },
    ])
    expect(acknowledgements.take()).toEqual([])
  })

  it('end below tags that were acknowledged singly', () => {
    const acknowledgements = new Acknowledgements()
    acknowledgements.note({ next: 1, finished: [2, 3], record: '' })
    acknowledgements.take()
    acknowledgements.note({ next: 4, finished: [], record: '' })
    expect(acknowledgements.take()).toEqual([{ tag: 1, multiple: true }])
  })
})
