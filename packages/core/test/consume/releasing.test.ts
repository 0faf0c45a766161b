import { consuming, record } from '../support/consuming.js'
import { GatedHandler } from '../support/gated-handler.js'
import { settle, VirtualClock } from '../support/virtual-clock.js'

const held = [{ partition: 0, epoch: 1 }]

const setUp = async (changed: Parameters<typeof consuming>[2] = {}) => {
  const clock = new VirtualClock()
  const handler = new GatedHandler()
  const made = consuming(clock, handler.handle, { concurrency: 2, ...changed })
  made.engine.assigned([{ partition: 0, epoch: 1, logId: '', position: 0 }])
  const records = [0, 1, 2].map((position) => record(position, { key: `k${position}` }))
  made.engine.records(0, 1, { records, next: 3 })
  await settle()
  return { clock, handler, ...made }
}

describe('giving up a partition', () => {
  const revoke = async (deadlineMs: number) => {
    const made = await setUp()
    let isDone = false
    void made.engine.revoking(held, deadlineMs).then(() => (isDone = true))
    await settle()
    return { ...made, isDone: () => isDone }
  }

  it('waits for running handlers, starts no more, and acknowledges what finished', async () => {
    const { handler, consumer, isDone } = await revoke(60_000)
    handler.succeed('m0')
    await settle()
    expect({ done: isDone(), started: handler.started }).toEqual({ done: false, started: ['m0', 'm1'] })
    handler.succeed('m1')
    await settle()
    expect(isDone()).toBe(true)
    expect(consumer.acknowledged).toMatchObject([{ next: 2 }])
  })

  it('does not wait for a message between two tries', async () => {
    const { clock, handler, isDone } = await revoke(60_000)
    handler.fail('m0')
    handler.succeed('m1')
    await settle()
    expect(isDone()).toBe(true)
    await clock.advance(60_000)
    expect(handler.started).toEqual(['m0', 'm1'])
    expect(clock.pending).toBe(0)
  })

  it('aborts signals two seconds before its deadline and resolves at it', async () => {
    const { clock, handler, isDone } = await revoke(10_000)
    const { signal } = handler.message('m0')
    await clock.advance(7_999)
    expect(signal.aborted).toBe(false)
    await clock.advance(1)
    expect(signal.reason).toMatchObject({ code: 'PARTITION_LOST' })
    await clock.advance(1_999)
    expect(isDone()).toBe(false)
    await clock.advance(1)
    expect(isDone()).toBe(true)
  })

  it('tries a failed acknowledgement again until its deadline', async () => {
    const { clock, handler, consumer, isDone } = await revoke(60_000)
    let tries = 0
    consumer.onAcknowledge = async () => {
      if (++tries < 4) throw new Error('no leader')
    }
    handler.succeed('m0', 'm1')
    await clock.advance(5_000)
    expect({ tries, done: isDone() }).toEqual({ tries: 4, done: true })
    expect(consumer.acknowledged).toMatchObject([{ next: 2 }])
  })

  it('resolves at its deadline although the broker never answers', async () => {
    const { clock, handler, consumer, isDone } = await revoke(5_000)
    consumer.onAcknowledge = () => new Promise(() => undefined)
    handler.succeed('m0', 'm1')
    await clock.advance(5_000)
    expect(isDone()).toBe(true)
  })

  it('acknowledges nothing of a lost one any more, and aborts its signals at once', async () => {
    const { clock, engine, handler, consumer } = await setUp()
    const { signal } = handler.message('m0')
    engine.lost(held)
    expect(signal.reason).toMatchObject({ code: 'PARTITION_LOST' })
    handler.succeed('m0', 'm1')
    await clock.advance(10_000)
    expect(consumer.acknowledged).toEqual([])
    expect(clock.pending).toBe(0)
  })

  it('tells what came and went', async () => {
    const { engine, events } = await setUp()
    engine.lost(held)
    engine.assigned([{ partition: 0, epoch: 2, logId: '', position: 0 }])
    await engine.revoking([{ partition: 0, epoch: 2 }], 1_000)
    expect(events.map(({ type }) => type)).toEqual([
      'partitions.assigned',
      'partitions.lost',
      'partitions.assigned',
      'partitions.revoked',
    ])
  })

  it('for good ends the engine: all is lost and the failure is told', async () => {
    const { engine, handler, failures } = await setUp()
    const { signal } = handler.message('m0')
    const { WaybillError } = await import('../../src/index.js')
    engine.failed(new WaybillError({ code: 'CONSUMER_ENDED', message: 'the queue was deleted.' }))
    expect(signal.aborted).toBe(true)
    expect(failures).toMatchObject([{ code: 'CONSUMER_ENDED' }])
    expect(engine.status().partitions).toEqual([])
  })
})

describe('draining a member', () => {
  it('counts what finished, what was aborted and what goes back', async () => {
    const { clock, engine, handler } = await setUp()
    const drained = engine.drain(5_000)
    handler.succeed('m0')
    await clock.advance(5_000)
    expect(await drained).toEqual({ finished: 1, aborted: 1, returned: 1 })
    expect(handler.message('m1').signal.reason).toMatchObject({ code: 'CLOSE_TIMEOUT' })
  })

  it('counts a handler that failed among what goes back', async () => {
    const { clock, engine, handler } = await setUp()
    const drained = engine.drain(5_000)
    handler.fail('m0')
    handler.succeed('m1')
    await clock.advance(1)
    expect(await drained).toEqual({ finished: 1, aborted: 0, returned: 2 })
  })

  it('does not wait with a timeout of 0', async () => {
    const { engine, handler } = await setUp()
    expect(await engine.drain(0)).toEqual({ finished: 0, aborted: 2, returned: 1 })
    expect(handler.message('m0').signal.aborted).toBe(true)
  })

  it('leaves no timer behind, not even for a handler that never ends', async () => {
    const { clock, engine, handler } = await setUp()
    expect(await engine.drain(0)).toMatchObject({ aborted: 2 })
    const released = engine.release(0)
    await clock.advance(0)
    await released
    expect({ pending: clock.pending, running: handler.running }).toEqual({
      pending: 0,
      running: ['m0', 'm1'],
    })
  })

  it('starts nothing of a partition that comes meanwhile', async () => {
    const { clock, engine, handler } = await setUp()
    void engine.drain(5_000)
    engine.assigned([{ partition: 1, epoch: 5, logId: '', position: 0 }])
    engine.records(1, 5, { records: [record(0, { id: 'late' })], next: 1 })
    handler.succeed('m0', 'm1')
    await clock.advance(1)
    expect(handler.started).toEqual(['m0', 'm1'])
  })

  it('acknowledges on release, also while the broker has trouble', async () => {
    const { clock, engine, handler, consumer } = await setUp()
    let tries = 0
    consumer.onAcknowledge = async () => {
      if (++tries === 1) throw new Error('no leader')
    }
    const drained = engine.drain(5_000)
    handler.succeed('m0', 'm1')
    await clock.advance(1)
    await drained
    const released = engine.release(5_000)
    await clock.advance(1_000)
    await released
    expect(consumer.acknowledged).toMatchObject([{ next: 2 }])
    expect(engine.holds(0)).toBe(false)
    await clock.advance(10_000)
    expect(clock.pending).toBe(0)
  })
})
