import * as fc from 'fast-check'
import { PublishError } from '../../src/index.js'
import { BrokerLog, type Fate } from '../support/broker-log.js'
import { FakeTransport } from '../support/fake-transport.js'
import { propertyRuns, propertyTimeoutMs } from '../support/property-runs.js'
import { letters, publishing } from '../support/publishing.js'
import { VirtualClock } from '../support/virtual-clock.js'

const publishTimeoutMs = 2_000
const sweepMs = 250

interface Call {
  readonly key: string
  readonly gapMs: number
  readonly abortMs: number | undefined
}

interface Ended {
  readonly id: string
  readonly key: string
  readonly calledAt: number
  readonly endedAt: number
  readonly outcome: 'stored' | 'rejected' | 'unknown'
}

const calls = fc.array(
  fc.record<Call>({
    key: fc.constantFrom('a', 'b', 'c', ''),
    gapMs: fc.constantFrom(0, 0, 0, 5, 60, 700),
    abortMs: fc.option(fc.constantFrom(0, 3, 90), { nil: undefined, freq: 8 }),
  }),
  { minLength: 1, maxLength: 14 },
)
const fates = fc.array(
  fc.record<Fate>({
    kind: fc.constantFrom(
      'stored',
      'reply cut',
      'request lost',
      'rejected',
      'retryable',
      'whole batch',
      'mixed',
      'hangs',
    ),
    delayMs: fc.constantFrom(0, 1, 4, 50, 900),
  }),
  { maxLength: 16 },
)
const settings = fc.record({
  maxBatchMessages: fc.constantFrom(1, 2, 3, 100),
  retryUnknown: fc.boolean(),
  onGiveUp: fc.constantFrom('continue' as const, 'fail-key' as const),
})

describe.each([
  ['a broker that takes batches of a partition one at a time, idempotently', 1, true],
  ['a broker that confirms a pipelined window message by message', 'window', false],
  ['a broker that takes one batch at a time and stores what comes twice twice', 1, false],
] as const)('publishing to %s', (_, inFlightPerPartition, idempotentResend) => {
  it(
    'keeps every promise whatever becomes of each try',
    async () => {
      await fc.assert(
        fc.asyncProperty(calls, fates, settings, async (made, ends, changed) => {
          const clock = new VirtualClock()
          const broker = new BrokerLog(clock, ends, idempotentResend)
          const transport = new FakeTransport({ inFlightPerPartition, idempotentResend })
          transport.answering = (send) => broker.take(send)
          transport.onAbandon = (batch) => broker.abandon(batch)
          const { engine } = publishing(transport, clock, { publishTimeoutMs, ...changed })
          const ended: Ended[] = []
          for (const [index, { key, gapMs, abortMs }] of made.entries()) {
            const id = `m${index}`
            const calledAt = clock.now()
            const controller = new AbortController()
            if (abortMs !== undefined) clock.after(abortMs, () => controller.abort())
            const end = (outcome: Ended['outcome']): void => {
              ended.push({ id, key, calledAt, endedAt: clock.now(), outcome })
            }
            engine.publish(letters, `${key}:${index}`, { id, signal: controller.signal }).then(
              () => end('stored'),
              (error: unknown) => end(error instanceof PublishError ? error.outcome : 'stored'),
            )
            if (gapMs > 0) await clock.advance(gapMs)
          }
          await clock.advance(publishTimeoutMs + 2 * sweepMs)
          // The latest answer of a try that nobody waits for.
          await clock.advance(1_000)

          expect(ended).toHaveLength(made.length)
          expect(ended.filter((one) => one.endedAt - one.calledAt > publishTimeoutMs + sweepMs)).toEqual([])
          const inLog = new Set(broker.log.map(({ id }) => id))
          const withOutcome = (outcome: Ended['outcome']): string[] =>
            ended.filter((one) => one.outcome === outcome).map(({ id }) => id)
          expect(withOutcome('stored').filter((id) => !inLog.has(id))).toEqual([])
          expect(withOutcome('rejected').filter((id) => inLog.has(id))).toEqual([])
          const inOrder = new Set(withOutcome('stored'))
          for (const key of ['a', 'b', 'c', '']) {
            const firsts = [...new Set(broker.log.filter((one) => one.key === key).map(({ id }) => id))]
            const kept = firsts.filter((id) => inOrder.has(id)).map((id) => Number(id.slice(1)))
            expect(kept).toEqual(kept.toSorted((one, other) => one - other))
          }
          const seen = new Set<string>()
          const twins = broker.log.filter(({ id }) => seen.size === seen.add(id).size)
          expect(twins.filter(({ marked }) => !marked)).toEqual([])
          expect(broker.faults).toEqual([])
          expect(engine.status()).toMatchObject({ unconfirmed: 0, unconfirmedBytes: 0 })
          expect(clock.pending).toBe(0)
        }),
        { numRuns: propertyRuns(100) },
      )
    },
    propertyTimeoutMs,
  )
})
