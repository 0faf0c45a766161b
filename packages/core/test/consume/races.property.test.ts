import * as fc from 'fast-check'
import { consuming, record, topicOf } from '../support/consuming.js'
import { propertyRuns, propertyTimeoutMs } from '../support/property-runs.js'
import { SchedulerClock } from '../support/scheduler-clock.js'

type Turn = 'lost' | 'revoked' | 'assigned over it'

const turns = fc.array(fc.constantFrom<Turn>('lost', 'revoked', 'assigned over it'), { maxLength: 4 })
const keys = fc.array(fc.constantFrom('a', 'b', 'c'), { minLength: 1, maxLength: 6 })
const failures = fc.array(fc.boolean(), { maxLength: 6 })

describe('a member whose partition comes and goes, whatever happens first', () => {
  it(
    'runs each message once with success, one of a key at a time and in order',
    async () => {
      await fc.assert(
        fc.asyncProperty(fc.scheduler(), keys, turns, failures, async (scheduler, stored, taken, failing) => {
          const faults: string[] = []
          const running = new Set<string>()
          const succeeded: number[] = []
          const fails = [...failing]
          const { engine, consumer } = consuming(
            new SchedulerClock(scheduler, 1_000),
            async ({ key = '', position = -1 }) => {
              if (running.has(key)) faults.push(`two handlers of ${key}`)
              running.add(key)
              await scheduler.schedule(Promise.resolve(), `run ${position}`)
              running.delete(key)
              if (fails.shift() === true) throw new Error('as the test wants')
              if (succeeded.includes(position)) faults.push(`${position} succeeded twice`)
              if (succeeded.some((other) => other > position && stored[other] === key))
                faults.push(`${position} succeeded after a later one`)
              succeeded.push(position)
            },
            { topic: topicOf(100), concurrency: 2, commitIntervalMs: 10 },
          )
          const committed = { next: 0, record: '' }
          let epoch = 0
          consumer.acknowledge = async (_, of, progress) => {
            await scheduler.schedule(Promise.resolve(), `acknowledge ${progress.next}`)
            if (of === epoch) Object.assign(committed, progress)
            for (let at = 0; at < progress.next; at++)
              if (!succeeded.includes(at)) faults.push(`${at} acknowledged and not finished`)
          }
          const assign = async (): Promise<void> => {
            const { next, record: text } = committed
            engine.assigned([{ partition: 0, epoch: ++epoch, logId: '', position: next, record: text }])
            await scheduler.schedule(Promise.resolve(), 'deliver')
            const records = stored.map((key, at) => record(at, { key })).slice(next)
            engine.records(0, epoch, { records, next: stored.length })
          }
          const take = async (turn: Turn): Promise<void> => {
            if (turn === 'lost') engine.lost([{ partition: 0, epoch }])
            if (turn === 'revoked') await engine.revoking([{ partition: 0, epoch }], 60_000)
            await assign()
          }
          const script = async (): Promise<void> => {
            await assign()
            for (const turn of taken) {
              await scheduler.schedule(Promise.resolve(), turn)
              await take(turn)
            }
          }
          await scheduler.waitFor(script())
          await scheduler.waitIdle()

          expect(faults).toEqual([])
          expect(succeeded).toHaveLength(stored.length)
          expect(committed.next).toBe(stored.length)
        }),
        { numRuns: propertyRuns(150) },
      )
    },
    propertyTimeoutMs,
  )
})
