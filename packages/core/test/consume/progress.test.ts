import { Delivery } from '../../src/consume/delivery.js'
import { Holding } from '../../src/consume/holding.js'
import type { PartitionProgress } from '../../src/consume/progress.js'
import { consuming, record, topicOf } from '../support/consuming.js'
import { GatedHandler } from '../support/gated-handler.js'
import { settle, VirtualClock } from '../support/virtual-clock.js'

const assignment = { partition: 0, epoch: 1, logId: 'log', position: 0 }

function progressOf(text?: string, position = 0, maxBytes = 4_096) {
  const holding = new Holding(
    { ...assignment, position, ...(text === undefined ? {} : { record: text }) },
    maxBytes,
  )
  const { progress } = holding
  const deliver = (...positions: number[]): Delivery[] =>
    positions.map((at) => {
      const delivery = new Delivery(record(at), holding, 0, progress.recall(at).attempts)
      progress.add(delivery)
      progress.reach(at + 1)
      return delivery
    })
  return { progress, deliver }
}

const recordOf = (progress: PartitionProgress): string => progress.snapshot(progress.takeFresh())!.record

describe('progress', () => {
  it('stands at the lowest unfinished message', () => {
    const { progress, deliver } = progressOf()
    const [first, second, third] = deliver(0, 1, 2)
    progress.finish(second!)
    expect(progress.snapshot(progress.takeFresh())).toMatchObject({ next: 0, finished: [1] })
    progress.finish(first!)
    expect(progress.snapshot(progress.takeFresh())).toMatchObject({ next: 2, finished: [] })
    progress.finish(third!)
    expect(progress.next).toBe(3)
  })

  it('is not held back by holes: it goes to the first delivered message, or where reading goes on', () => {
    const { progress, deliver } = progressOf()
    const [first] = deliver(7)
    expect(progress.next).toBe(7)
    progress.finish(first!)
    progress.reach(20)
    expect(progress.next).toBe(20)
  })

  it('is taken up by the next holding: what was finished is known, and how often the rest was tried', () => {
    const { progress, deliver } = progressOf()
    const [first, , third] = deliver(0, 1, 2, 3)
    first!.attempts = 3
    progress.finish(third!)
    const next = progressOf(recordOf(progress)).progress
    expect([0, 1, 2, 3].map((at) => next.recall(at))).toEqual([
      { finished: false, attempts: 3 },
      { finished: false, attempts: 0 },
      { finished: true, attempts: 0 },
      { finished: false, attempts: 0 },
    ])
  })

  it('hands on what an earlier holding recorded and has not come again yet', () => {
    const { progress, deliver } = progressOf()
    const [, second, , fourth] = deliver(0, 1, 2, 3, 4)
    progress.finish(second!)
    progress.finish(fourth!)
    const middle = progressOf(recordOf(progress))
    const [again] = middle.deliver(0)
    again!.attempts = 1
    const last = progressOf(recordOf(middle.progress)).progress
    expect([0, 1, 2, 3, 4].map((at) => last.recall(at).finished)).toEqual([false, true, false, true, false])
    expect(last.recall(0).attempts).toBe(1)
  })

  it.each([
    ['of another position', 5, 'log', /belongs to position 0, and the group is at 5/],
    ['of another log', 0, 'other', /made anew/],
  ])('is ignored, with the reason, when its record is %s', (_, position, logId, reason) => {
    const { progress, deliver } = progressOf()
    progress.finish(deliver(0, 1)[1]!)
    const holding = new Holding({ ...assignment, position, logId, record: recordOf(progress) }, 4_096)
    expect(holding.progress.ignored).toMatch(reason)
    expect(holding.progress.recall(1)).toEqual({ finished: false, attempts: 0 })
  })

  it('says that a record was ignored', () => {
    const { engine, noted } = consuming(new VirtualClock(), () => undefined)
    engine.assigned([{ ...assignment, record: 'of somebody else' }])
    expect(noted).toMatchObject([{ code: 'PROGRESS_IGNORED', subject: 'partition letters/0 of readers' }])
  })
})

describe('a full progress record', () => {
  it.each([
    ['with room in the window', 2_000],
    ['with a full window beside it', 150],
  ])(
    'lets only the oldest message start, stalls its partition alone and says so: %s',
    async (_name, window) => {
      const clock = new VirtualClock()
      const handler = new GatedHandler()
      const topic = topicOf(window, 2)
      const { engine, consumer } = consuming(clock, handler.handle, {
        topic,
        concurrency: 2_000,
        maxBufferedBytes: 100_000_000,
        capabilities: { progressBytes: 100 },
      })
      engine.assigned([assignment, { ...assignment, partition: 1 }])
      const deliver = async (partition: number, first: number, count: number): Promise<void> => {
        const records = Array.from({ length: count }, (_, index) =>
          record(first + index, { key: `k${first + index}`, id: `${partition}/${first + index}` }),
        )
        engine.records(partition, 1, { records, next: first + count })
        await settle()
      }
      await deliver(0, 0, 300)
      // Every other one finishes: each needs two numbers in the record.
      for (let at = 1; at < 300; at += 2) handler.succeed(`0/${at}`)
      await clock.advance(1_000)
      await deliver(0, 300, 1)
      expect(handler.running).not.toContain('0/300')
      expect(consumer.paused).toEqual(new Set([0]))
      expect(engine.status().partitions[0]).toMatchObject({
        full: 'progress',
        next: 0,
        oldest: { key: 'k0', id: '0/0', attempt: 1 },
      })
      const { record: text } = consumer.acknowledged.at(-1)!
      expect(text.length).toBeLessThanOrEqual(100)
      handler.succeed('0/100')
      await settle()
      expect(consumer.paused).toEqual(new Set([0]))
      await deliver(1, 0, 1)
      expect(handler.running).toContain('1/0')

      for (let at = 0; at < 300; at += 2) if (at !== 100) handler.succeed(`0/${at}`)
      await settle()
      expect(handler.running).toContain('0/300')
      expect(consumer.paused).toEqual(new Set())
    },
  )
})
