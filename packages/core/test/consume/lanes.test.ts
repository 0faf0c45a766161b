import { consuming, record, topicOf, type RecordShape } from '../support/consuming.js'
import { settleCapabilities } from '../support/fake-transport.js'
import { GatedHandler } from '../support/gated-handler.js'
import { settle, VirtualClock } from '../support/virtual-clock.js'

const held = (epoch: number) => [{ partition: 0, epoch, logId: '', position: 0 }]

describe('lanes', () => {
  const setUp = (changed: Parameters<typeof consuming>[2] = {}) => {
    const clock = new VirtualClock()
    const handler = new GatedHandler()
    const made = consuming(clock, handler.handle, changed)
    const deliver = async (epoch: number, first: number, ...shapes: RecordShape[]): Promise<void> => {
      const records = shapes.map((shape, index) => record(first + index, shape))
      made.engine.records(0, epoch, { records, next: first + shapes.length })
      await settle()
    }
    return { clock, handler, deliver, ...made }
  }

  it('run one message of a key at a time, in order, and other keys beside it', async () => {
    const { engine, handler, deliver } = setUp()
    engine.assigned(held(1))
    await deliver(1, 0, { key: 'a' }, { key: 'a' }, { key: 'b' }, { key: 'a' })
    expect(handler.started).toEqual(['m0', 'm2'])
    handler.succeed('m0')
    await settle()
    expect(handler.started).toEqual(['m0', 'm2', 'm1'])
  })

  it('run what has no key side by side', async () => {
    const { engine, handler, deliver } = setUp()
    engine.assigned(held(1))
    await deliver(1, 0, { key: null }, { key: null }, { key: '' }, { key: '' })
    expect(handler.started).toEqual(['m0', 'm1', 'm2'])
  })

  it('tell keys apart by their bytes', async () => {
    const { engine, handler, deliver } = setUp()
    engine.assigned(held(1))
    await deliver(1, 0, { key: 'é' }, { key: 'e\u0301' })
    expect(handler.started).toEqual(['m0', 'm1'])
  })

  it('start no more than concurrency allows', async () => {
    const { engine, handler, deliver } = setUp({ concurrency: 2 })
    engine.assigned(held(1))
    await deliver(1, 0, { key: 'a' }, { key: 'b' }, { key: 'c' })
    expect(handler.running).toEqual(['m0', 'm1'])
    handler.succeed('m1')
    await settle()
    expect(handler.running).toEqual(['m0', 'm2'])
  })

  it('outlive their assignment: a key waits for the handler that an earlier holding left running', async () => {
    const { engine, handler, deliver } = setUp()
    engine.assigned(held(1))
    await deliver(1, 0, { key: 'a' })
    engine.lost([{ partition: 0, epoch: 1 }])
    engine.assigned(held(2))
    await deliver(2, 0, { key: 'a' }, { key: 'a' }, { key: 'b' })
    expect(handler.started).toEqual(['m0', 'm2'])
  })

  it('acknowledge without another run what an old handler finished after the partition was lost', async () => {
    const { clock, engine, consumer, handler, deliver, events } = setUp()
    engine.assigned(held(1))
    await deliver(1, 0, { key: 'a' })
    engine.lost([{ partition: 0, epoch: 1 }])
    engine.assigned(held(2))
    await deliver(2, 0, { key: 'a' }, { key: 'a' })
    handler.succeed('m0')
    await settle()
    expect(handler.started).toEqual(['m0', 'm1'])
    expect(events).toContainEqual(
      expect.objectContaining({ type: 'duplicate.skipped', id: 'm0', reason: 'finished' }),
    )
    await clock.advance(1_000)
    expect(consumer.acknowledged).toMatchObject([{ epoch: 2, next: 1 }])
  })

  it('run again what an old handler failed after the partition was lost', async () => {
    const { engine, handler, deliver } = setUp()
    engine.assigned(held(1))
    await deliver(1, 0, { key: 'a' })
    engine.lost([{ partition: 0, epoch: 1 }])
    engine.assigned(held(2))
    await deliver(2, 0, { key: 'a' })
    handler.fail('m0')
    await settle()
    expect(handler.started).toEqual(['m0', 'm0'])
  })

  it('know a finished message by its id only where positions do not last, and only if it is redelivered', async () => {
    const { engine, handler, deliver } = setUp({ capabilities: settleCapabilities })
    engine.assigned(held(1))
    await deliver(1, 0, { key: 'a', id: 'x' }, { key: 'b', id: 'y' })
    engine.lost([{ partition: 0, epoch: 1 }])
    handler.succeed('x', 'y')
    engine.assigned(held(2))
    await deliver(2, 0, { key: 'a', id: 'x', redelivered: true }, { key: 'b', id: 'y', redelivered: false })
    expect(handler.started).toEqual(['x', 'y', 'y'])
  })

  it('do not wait between two tries of a holding that has ended', async () => {
    const { engine, handler, deliver } = setUp({ retry: { delayMs: () => 60_000 } })
    engine.assigned(held(1))
    await deliver(1, 0, { key: 'a' })
    handler.fail('m0')
    await settle()
    engine.lost([{ partition: 0, epoch: 1 }])
    engine.assigned(held(2))
    await deliver(2, 0, { key: 'a' })
    expect(handler.started).toEqual(['m0', 'm0'])
  })

  it('forget what was finished when the topic was made anew', async () => {
    const { engine, handler, deliver } = setUp()
    engine.assigned([{ partition: 0, epoch: 1, logId: 'old', position: 0 }])
    await deliver(1, 0, { key: 'a' })
    engine.lost([{ partition: 0, epoch: 1 }])
    handler.succeed('m0')
    engine.assigned([{ partition: 0, epoch: 2, logId: 'new', position: 0 }])
    await deliver(2, 0, { key: 'a' })
    expect(handler.started).toEqual(['m0', 'm0'])
  })

  it('never become two for one key, also when one was let go while it waited for a place', async () => {
    const { engine, handler, deliver } = setUp({ concurrency: 2 })
    engine.assigned(held(1))
    await deliver(1, 0, { key: 'x' }, { key: 'y' }, { key: 'a' })
    engine.lost([{ partition: 0, epoch: 1 }])
    engine.assigned(held(2))
    await deliver(2, 2, { key: 'a' })
    handler.succeed('m0')
    await settle()
    expect(handler.running).toEqual(['m1', 'm2'])
    handler.succeed('m1')
    await deliver(2, 3, { key: 'a' })
    expect(handler.running).toEqual(['m2'])
  })

  it('ignore records and releases of an epoch that has ended', async () => {
    const { engine, handler, deliver, events } = setUp()
    engine.assigned(held(1))
    engine.lost([{ partition: 0, epoch: 1 }])
    await deliver(1, 0, { key: 'a' })
    engine.assigned(held(2))
    engine.lost([{ partition: 0, epoch: 1 }])
    await deliver(2, 0, { key: 'a' })
    expect(handler.started).toEqual(['m0'])
    expect(events.filter(({ type }) => type === 'partitions.lost')).toHaveLength(1)
  })

  it('do not start a handler whose partition was lost while its schema thought', async () => {
    let answer: (result: { value: unknown }) => void = () => undefined
    const schema = {
      '~standard': {
        version: 1 as const,
        vendor: 'test',
        validate: () => new Promise<{ value: unknown }>((resolve) => (answer = resolve)),
      },
    }
    const { engine, handler, deliver } = setUp({ topic: { ...topicOf(10), schema } })
    engine.assigned(held(1))
    await deliver(1, 0, { key: 'a' })
    engine.lost([{ partition: 0, epoch: 1 }])
    answer({ value: 'm0' })
    await settle()
    expect(handler.started).toEqual([])
  })

  it('start nothing while paused, and go on when resumed', async () => {
    const { engine, handler, deliver } = setUp()
    engine.assigned(held(1))
    await deliver(1, 0, { key: 'a' })
    let isQuiet = false
    void engine.pause().then(() => (isQuiet = true))
    await deliver(1, 1, { key: 'b' })
    expect({ isQuiet, started: handler.started }).toEqual({ isQuiet: false, started: ['m0'] })
    handler.succeed('m0')
    await settle()
    expect(isQuiet).toBe(true)
    engine.resume()
    await settle()
    expect(handler.started).toEqual(['m0', 'm1'])
  })
})
