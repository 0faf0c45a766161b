import type { Message } from '../../src/index.js'
import { consuming, record, topicOf, type RecordShape } from '../support/consuming.js'
import { GatedHandler } from '../support/gated-handler.js'
import { settle, VirtualClock } from '../support/virtual-clock.js'

type Changed = Parameters<typeof consuming>[2]

describe('a failing handler', () => {
  const setUp = (handler: (message: Message<string>) => unknown, changed: Changed = {}) => {
    const clock = new VirtualClock()
    const made = consuming(clock, handler, changed)
    made.engine.assigned([{ partition: 0, epoch: 1, logId: '', position: 0 }])
    let position = 0
    const deliver = async (...shapes: RecordShape[]): Promise<void> => {
      const records = shapes.map((shape, index) => record(position + index, shape))
      position += shapes.length
      made.engine.records(0, 1, { records, next: position })
      await settle()
    }
    return { clock, deliver, ...made }
  }
  const thenable = (then: (resolve: (value?: unknown) => void, reject: (error: unknown) => void) => void) => {
    return withThen(then)
  }
  const throwing = (error: unknown) => () => {
    throw error
  }

  it('is run again after the delay, its key waits and other keys go on', async () => {
    const handler = new GatedHandler()
    const { clock, deliver, noted } = setUp(handler.handle, {
      retry: { delayMs: (attempt) => attempt * 1_000 },
    })
    await deliver({ key: 'a' }, { key: 'a' }, { key: 'b' })
    handler.fail('m0')
    await clock.advance(999)
    expect(handler.started).toEqual(['m0', 'm2'])
    await clock.advance(1)
    expect(handler.message('m0').attempt).toBe(2)
    handler.fail('m0')
    await clock.advance(2_000)
    handler.succeed('m0')
    await settle()
    expect(handler.started).toEqual(['m0', 'm2', 'm0', 'm0', 'm1'])
    expect(noted.map(({ code, details }) => [code, details['attempt']])).toEqual([
      ['HANDLER_FAILED', 1],
      ['HANDLER_FAILED', 2],
    ])
  })

  it.each<[string, () => unknown]>([
    ['throws an error', throwing(new TypeError('no such property'))],
    ['throws a string', throwing('text')],
    ['throws undefined', throwing(undefined)],
    ['throws null', throwing(null)],
    ['rejects with undefined', () => Promise.reject(undefined)],
    ['answers with a thenable whose getter throws', () => withThen(throwing(new Error('no')), 'get')],
    ['answers with a thenable that throws', () => thenable(throwing('no'))],
    ['answers with a thenable that rejects', () => thenable((_, reject) => reject('no'))],
    [
      'answers with a thenable that fails and then succeeds',
      () =>
        thenable((resolve, reject) => {
          reject('no')
          resolve()
        }),
    ],
    [
      'answers with a thenable that answers with one that rejects',
      () => thenable((resolve) => resolve(thenable((_, reject) => reject('no')))),
    ],
  ])('that %s is tried again and stops nothing', async (_, fail) => {
    let runs = 0
    const { clock, deliver, consumer, noted } = setUp(() => (++runs === 1 ? fail() : undefined))
    await deliver({ key: 'a' }, { key: 'b' })
    await clock.advance(5_000)
    expect(runs).toBe(3)
    expect(noted).toMatchObject([{ code: 'HANDLER_FAILED' }])
    expect(consumer.acknowledged.at(-1)).toMatchObject({ next: 2 })
  })

  it.each<[string, () => unknown]>([
    ['nothing', () => undefined],
    ['an object', () => withThen('not a function')],
    ['a promise', () => Promise.resolve()],
    ['a thenable', () => thenable((resolve) => resolve())],
    [
      'a thenable that succeeds, fails and throws',
      () =>
        thenable((resolve, reject) => {
          resolve()
          reject('no')
          throw new Error('no')
        }),
    ],
    [
      'a function with then',
      () =>
        Object.assign(
          () => undefined,
          thenable((resolve) => resolve()),
        ),
    ],
  ])('is none if it answers with %s', async (_, answer) => {
    const { clock, deliver, consumer, noted } = setUp(answer)
    await deliver({ key: 'a' })
    await clock.advance(1_000)
    expect(noted).toEqual([])
    expect(consumer.acknowledged).toMatchObject([{ next: 1 }])
  })

  it.each<[string, () => number]>([
    ['throws', throwing(new Error('no'))],
    ['answers NaN', () => Number.NaN],
    ['answers a negative number', () => -1],
    ['answers infinity', () => Infinity],
  ])('waits for 30 s if the retry policy %s', async (_, delayMs) => {
    let runs = 0
    const { clock, deliver } = setUp(
      () => {
        if (++runs === 1) throw new Error('no')
      },
      { retry: { delayMs } },
    )
    await deliver({ key: 'a' })
    await clock.advance(29_999)
    expect(runs).toBe(1)
    await clock.advance(1)
    expect(runs).toBe(2)
  })

  it('does not show credentials of an error that it threw', async () => {
    const { deliver, noted } = setUp(throwing(new Error('no answer from amqp://app:pa55/w0rd@host')))
    await deliver({ key: 'a' })
    expect(noted[0]?.message).toContain('amqp://***@host')
    expect(noted[0]?.message).not.toContain('w0rd')
  })

  it('that runs too long is reported and its signal aborted, and it keeps its key until it ends', async () => {
    const handler = new GatedHandler()
    const { clock, deliver, reports } = setUp(handler.handle, { handlerTimeoutMs: 5_000 })
    await deliver({ key: 'a' }, { key: 'a' })
    const { signal } = handler.message('m0')
    await clock.advance(4_999)
    expect({ problems: reports.problems, aborted: signal.aborted }).toEqual({ problems: [], aborted: false })
    await clock.advance(1_001)
    expect(signal.reason).toMatchObject({ code: 'HANDLER_TIMEOUT' })
    expect(reports.problems).toMatchObject([{ code: 'HANDLER_TIMEOUT', details: { id: 'm0' } }])
    expect(handler.started).toEqual(['m0'])
    handler.succeed('m0')
    await settle()
    expect(reports.problems).toEqual([])
    expect(handler.started).toEqual(['m0', 'm1'])
  })

  it('that never looked at its signal finds it aborted when it does', async () => {
    const handler = new GatedHandler()
    const { clock, deliver } = setUp(handler.handle, { handlerTimeoutMs: 1_000 })
    await deliver({ key: 'a' })
    await clock.advance(2_000)
    expect(handler.message('m0').signal.aborted).toBe(true)
  })
})

describe('a message that cannot be decoded', () => {
  it('holds its key, is in status() while it does, and is over when its partition goes', async () => {
    const topic = { ...topicOf(10), codec: { ...topicOf(10).codec, decode: refuseBad } }
    const started: string[] = []
    const { engine, reports } = consuming(new VirtualClock(), ({ id }) => void started.push(id), { topic })
    engine.assigned([{ partition: 0, epoch: 1, logId: '', position: 0 }])
    const records = [record(0, { key: 'a', body: 'bad' }), record(1, { key: 'a' }), record(2, { key: 'b' })]
    engine.records(0, 1, { records, next: 3 })
    await settle()
    expect(started).toEqual(['m2'])
    expect(reports.problems).toMatchObject([
      { code: 'DECODE_FAILED', subject: 'message m0 in partition letters/0 of readers' },
    ])
    expect(engine.status().partitions[0]).toMatchObject({ next: 0, unfinished: 2, oldest: { id: 'm0' } })
    await engine.revoking([{ partition: 0, epoch: 1 }], 1_000)
    expect(reports.problems).toEqual([])
  })

  it.each<[string, () => unknown]>([
    ['refuses it', () => ({ issues: [{ message: 'too short', path: ['name'] }] })],
    ['refuses it later', () => Promise.resolve({ issues: [{ message: 'too short', path: ['name'] }] })],
    ['throws', () => throwNow(new Error('too short'))],
    ['fails later', () => Promise.reject(new Error('too short'))],
  ])('is also one whose schema %s', async (_, validate) => {
    const schema = { '~standard': { version: 1 as const, vendor: 'test', validate: validate as never } }
    const { engine, reports } = consuming(new VirtualClock(), () => undefined, {
      topic: { ...topicOf(10), schema },
    })
    engine.assigned([{ partition: 0, epoch: 1, logId: '', position: 0 }])
    engine.records(0, 1, { records: [record(0)], next: 1 })
    await settle()
    expect(reports.problems).toMatchObject([{ code: 'DECODE_FAILED' }])
  })
})

// A plain object with `then` is what a linter forbids and a handler may answer with.
function withThen(value: unknown, as: 'value' | 'get' = 'value'): object {
  const name = ['th', 'en'].join('')
  return Object.defineProperty({}, name, { [as]: value })
}

function throwNow(error: Error): never {
  throw error
}

function refuseBad(bytes: Uint8Array): string {
  const text = Buffer.from(bytes).toString()
  return text === 'bad' ? throwNow(new Error('bad')) : text
}
