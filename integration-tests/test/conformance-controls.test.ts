import { type Breakage, type TestRunner, breaking, describeTransport } from '@waybill/testkit'
import { memory, memoryBroker } from '@waybill/memory'
import { memoryCapabilities } from './support/memory-capabilities.js'

/** Runs a suite at once and says what failed, instead of failing. */
async function failuresOf(register: (runner: TestRunner) => void): Promise<ReadonlyMap<string, unknown>> {
  const tasks: (() => Promise<void>)[] = []
  const afterwards: (() => Promise<void>)[] = []
  const failures = new Map<string, unknown>()
  register({
    describe: (_, body) => body(),
    it: (name, test) =>
      void tasks.push(async () => {
        await test().catch((error: unknown) => failures.set(name, error))
      }),
    beforeAll: (task) => void tasks.push(task),
    afterAll: (task) => void afterwards.push(task),
    expect,
  })
  for (const task of [...tasks, ...afterwards]) await task()
  return failures
}

const suiteOn = (breakage: Breakage, only: RegExp) =>
  failuresOf((runner) => {
    const broker = memoryBroker()
    const unused = async (): Promise<void> => undefined
    describeTransport(
      'control',
      async () => ({
        createTransport: () => breaking(memory({ broker }), breakage),
        produce: unused,
        faults: {
          kill: unused,
          restart: unused,
          cutOff: unused,
          reconnect: unused,
          losePublishReply: unused,
        },
        stop: unused,
      }),
      memoryCapabilities,
      runner,
      { only, patienceMs: 4_000 },
    )
  })

const CALL_ORDER = /keeps the call order of every key, awaited/
const STORED_ONCE = /stores everything that several publishers send/

describe('the conformance suite', () => {
  it('finds nothing wrong with the same transport when it is not broken', async () => {
    const failures = await suiteOn({}, new RegExp(`${CALL_ORDER.source}|${STORED_ONCE.source}`))
    expect([...failures.keys()]).toEqual([])
  }, 60_000)

  it('catches a transport that loses one message of four hundred', async () => {
    const failures = await suiteOn({ losesEvery: 400 }, STORED_ONCE)
    expect([...failures.values()].map(String)).toEqual([expect.stringContaining('2000 messages')])
  }, 60_000)

  it('catches a transport that stores one message of four hundred twice', async () => {
    const failures = await suiteOn({ doublesEvery: 400 }, STORED_ONCE)
    expect([...failures.values()].map(String)).toEqual([expect.stringContaining('duplicates')])
  }, 60_000)

  it('catches a transport that sends a batch in another order', async () => {
    const failures = await suiteOn({ reorders: true }, CALL_ORDER)
    expect([...failures.values()].map(String)).toEqual([expect.stringContaining('disordered')])
  }, 60_000)

  it('catches a transport that lets two messages of a key run at once', async () => {
    const failures = await suiteOn({ overlaps: true }, /runs one message of a key at a time/)
    expect([...failures.values()].map(String)).toEqual([expect.stringContaining('overlaps')])
  }, 60_000)
})
