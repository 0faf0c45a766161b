import * as fc from 'fast-check'
import { commitCapabilities, settleCapabilities } from '../support/fake-transport.js'
import { GroupModel, type RunFate } from '../support/group-model.js'
import { propertyRuns, propertyTimeoutMs } from '../support/property-runs.js'
import { VirtualClock } from '../support/virtual-clock.js'

type Step =
  | { readonly do: 'publish'; readonly partition: number; readonly key: string }
  | { readonly do: 'deliver'; readonly partition: number; readonly count: number }
  | { readonly do: 'move'; readonly partition: number; readonly member: number; readonly isCut: boolean }
  | { readonly do: 'wait'; readonly ms: number }
  | { readonly do: 'fail acknowledgements'; readonly count: number }

const partition = fc.constantFrom(0, 0, 1)
const publish = fc.record({
  do: fc.constant('publish' as const),
  partition,
  key: fc.constantFrom('a', 'b', 'c', 'd'),
})
const deliver = fc.record({
  do: fc.constant('deliver' as const),
  partition,
  count: fc.integer({ min: 1, max: 6 }),
})
const move = fc.record({
  do: fc.constant('move' as const),
  partition,
  member: fc.constantFrom(0, 1),
  isCut: fc.boolean(),
})
const wait = fc.record({ do: fc.constant('wait' as const), ms: fc.constantFrom(1, 40, 400, 1_500) })
const failing = fc.record({ do: fc.constant('fail acknowledgements' as const), count: fc.constantFrom(1, 3) })
const steps = fc.array(
  fc.oneof(
    { weight: 6, arbitrary: publish },
    { weight: 5, arbitrary: deliver },
    { weight: 2, arbitrary: move },
    { weight: 3, arbitrary: wait },
    { weight: 1, arbitrary: failing },
  ),
  { minLength: 5, maxLength: 50 },
)
const fates = fc.array(
  fc.record<RunFate>({
    takesMs: fc.constantFrom(0, 3, 80, 900, 3_000),
    fails: fc.constantFrom(false, false, false, true),
  }),
  { maxLength: 40 },
)

async function take(model: GroupModel, clock: VirtualClock, step: Step): Promise<void> {
  switch (step.do) {
    case 'publish':
      return model.publish(step.partition, step.key)
    case 'deliver':
      return model.deliver(step.partition, step.count)
    case 'move':
      return model.move(step.partition, step.member, step.isCut)
    case 'wait':
      return clock.advance(step.ms)
    case 'fail acknowledgements':
      model.ackFailures = step.count
  }
}

/** Nothing fails any more: everything is delivered and time passes. */
async function calm(model: GroupModel, clock: VirtualClock): Promise<void> {
  model.ackFailures = 0
  for (let round = 0; round < 60 && (round < 2 || model.unacknowledged > 0); round++) {
    model.deliver(0, 5)
    model.deliver(1, 5)
    await clock.advance(2_000)
  }
}

describe.each([
  ['commits its progress', commitCapabilities, 500],
  ['commits its progress within a narrow window', commitCapabilities, 3],
  ['commits its progress in a record that is soon full', { ...commitCapabilities, progressBytes: 24 }, 50],
  ['settles each message', settleCapabilities, 500],
] as const)('a group that %s', (_, capabilities, window) => {
  it(
    'keeps order and loses nothing however partitions move and handlers end',
    async () => {
      await fc.assert(
        fc.asyncProperty(steps, fates, async (taken, ends) => {
          const clock = new VirtualClock()
          const model = new GroupModel(clock, capabilities, ends, window)
          await model.move(0, 0, false)
          await model.move(1, 1, false)
          for (const step of taken) await take(model, clock, step)
          await calm(model, clock)
          expect(model.faults).toEqual([])
          expect(model.unfinished).toEqual([])
          expect(model.unacknowledged).toBe(0)
          const repeats = model.successes.length - new Set(model.successes.map(({ id }) => id)).size
          expect({ repeats: model.wasCutOff ? 0 : repeats }).toEqual({ repeats: 0 })
          expect(clock.pending).toBe(0)
        }),
        { numRuns: propertyRuns(100) },
      )
    },
    propertyTimeoutMs,
  )
})
