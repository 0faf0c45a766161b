import * as fc from 'fast-check'
import type { Outcome } from '../../src/spi.js'
import { retryable, stored, unknown } from '../support/fake-publisher.js'
import { FakeTransport } from '../support/fake-transport.js'
import { propertyRuns, propertyTimeoutMs } from '../support/property-runs.js'
import { letters, publishing } from '../support/publishing.js'
import { SchedulerClock } from '../support/scheduler-clock.js'

const calls = fc.array(fc.record({ key: fc.constantFrom('a', 'b'), isSlow: fc.boolean() }), {
  minLength: 1,
  maxLength: 8,
})
const answers = fc.array(fc.constantFrom(stored, retryable, unknown), { maxLength: 3 })

/** Nothing expires while time stands still, and few failures are waited for as long. */
const sweepMs = 250

describe('publishing, whatever happens first', () => {
  it.each([
    ['one idempotent batch at a time', 1, true],
    ['a pipelined window', 'window', false],
  ] as const)(
    'stores each key in call order: %s',
    async (_, inFlightPerPartition, idempotentResend) => {
      await fc.assert(
        fc.asyncProperty(fc.scheduler(), calls, answers, async (scheduler, made, given) => {
          const transport = new FakeTransport({ inFlightPerPartition, idempotentResend })
          const left: Outcome[] = [...given]
          const log: string[] = []
          // A broker answers in the order of arrival; answers and stores can be far apart.
          let line: Promise<unknown> = Promise.resolve()
          transport.answering = (send) => {
            const outcome = left.shift() ?? stored
            if (outcome.status !== 'rejected') log.push(...send.bodies)
            line = line.then(() => scheduler.schedule(Promise.resolve(), `answer ${send.ids.join(' ')}`))
            void line.then(() => send.answer(outcome))
          }
          transport.onDeclare = () => scheduler.schedule(Promise.resolve(), 'declare')
          const validate = (value: unknown) =>
            String(value).includes('slow')
              ? scheduler.schedule(Promise.resolve({ value }), 'schema')
              : { value }
          const schema = { '~standard': { version: 1 as const, vendor: 'test', validate } }
          const { engine } = publishing(transport, new SchedulerClock(scheduler, sweepMs), {
            publishTimeoutMs: 3_600_000,
          })
          const outcomes: string[] = []
          const sequence = made.map(({ key, isSlow }, index) => async () => {
            const value = `${key}:${index}${isSlow ? ':slow' : ''}`
            engine.publish({ ...letters, schema }, value).then(
              () => outcomes.push(value),
              () => outcomes.push('failed'),
            )
          })
          scheduler.scheduleSequence(sequence)
          await scheduler.waitIdle()

          expect(outcomes).toHaveLength(made.length)
          for (const key of ['a', 'b']) {
            const firsts = [...new Set(log.filter((body) => body.startsWith(key)))]
            const kept = firsts.filter((body) => outcomes.includes(body))
            const inOrder = kept.toSorted(
              (one, other) => Number(one.split(':')[1]) - Number(other.split(':')[1]),
            )
            expect(kept).toEqual(inOrder)
          }
        }),
        { numRuns: propertyRuns(150) },
      )
    },
    propertyTimeoutMs,
  )
})
