import { consuming, record } from '../support/consuming.js'
import { settleCapabilities } from '../support/fake-transport.js'
import { GatedHandler } from '../support/gated-handler.js'
import { settle, VirtualClock } from '../support/virtual-clock.js'

describe('acknowledging', () => {
  const setUp = async (changed: Parameters<typeof consuming>[2] = {}) => {
    const clock = new VirtualClock()
    const handler = new GatedHandler()
    const made = consuming(clock, handler.handle, changed)
    made.engine.assigned([{ partition: 0, epoch: 1, logId: '', position: 0 }])
    const records = [0, 1, 2].map((position) => record(position, { key: `k${position}` }))
    made.engine.records(0, 1, { records, next: 3 })
    await settle()
    return { clock, handler, ...made }
  }

  it('happens once per interval where progress is committed', async () => {
    const { clock, handler, consumer } = await setUp()
    handler.succeed('m0', 'm2')
    await clock.advance(999)
    expect(consumer.acknowledged).toEqual([])
    await clock.advance(1)
    expect(consumer.acknowledged).toMatchObject([{ partition: 0, epoch: 1, next: 1, finished: [2] }])
    await clock.advance(5_000)
    expect(consumer.acknowledged).toHaveLength(1)
  })

  it('happens at once where messages are settled', async () => {
    const { handler, consumer } = await setUp({ capabilities: settleCapabilities })
    handler.succeed('m1')
    await settle()
    expect(consumer.acknowledged).toMatchObject([{ next: 0, finished: [1], record: '' }])
    handler.succeed('m0')
    await settle()
    expect(consumer.acknowledged.at(-1)).toMatchObject({ next: 2, finished: [] })
  })

  it('moves on over what has no message', async () => {
    const { clock, engine, handler, consumer } = await setUp()
    handler.succeed('m0', 'm1', 'm2')
    await settle()
    engine.records(0, 1, { records: [], next: 40 })
    await clock.advance(1_000)
    expect(consumer.acknowledged).toMatchObject([{ next: 40, finished: [] }])
  })

  it.each([
    ['committed', undefined],
    ['settled', settleCapabilities],
  ])('that fails is reported, tried again after a while and not at once, and over (%s)', async (_, given) => {
    const { clock, handler, consumer, reports } = await setUp(
      given === undefined ? {} : { capabilities: given },
    )
    let tries = 0
    consumer.onAcknowledge = async () => {
      if (++tries <= 2) throw new Error('no leader')
    }
    handler.succeed('m0')
    await clock.advance(1_000)
    expect(reports.problems).toMatchObject([
      { code: 'ACKNOWLEDGE_FAILED', subject: 'partition letters/0 of readers' },
    ])
    expect(tries).toBeLessThanOrEqual(2)
    await clock.advance(3_000)
    expect(tries).toBe(3)
    expect(consumer.acknowledged).toMatchObject([{ next: 1 }])
    expect(reports.problems).toEqual([])
  })

  it('that fails is no problem any more when its partition has gone', async () => {
    const { clock, engine, handler, consumer, reports } = await setUp()
    consumer.onAcknowledge = () => Promise.reject(new Error('no leader'))
    handler.succeed('m0')
    await clock.advance(1_500)
    expect(reports.problems).toHaveLength(1)
    engine.lost([{ partition: 0, epoch: 1 }])
    expect(reports.problems).toEqual([])
    await clock.advance(10_000)
    expect(reports.problems).toEqual([])
  })

  it('is never under way twice for one partition', async () => {
    const { clock, engine, handler, consumer } = await setUp()
    let underWay = 0
    let most = 0
    consumer.onAcknowledge = async () => {
      most = Math.max(most, ++underWay)
      await new Promise<void>((resolve) => clock.after(3_000, resolve))
      underWay--
    }
    handler.succeed('m0')
    await clock.advance(1_500)
    handler.succeed('m1')
    await clock.advance(1_500)
    handler.succeed('m2')
    const revoked = engine.revoking([{ partition: 0, epoch: 1 }], 60_000)
    const released = engine.release(60_000)
    await clock.advance(30_000)
    await Promise.all([revoked, released])
    expect(most).toBe(1)
    expect(consumer.acknowledged.at(-1)).toMatchObject({ next: 3 })
  })

  it('of what was under way when the partition went does not make it run again', async () => {
    const { clock, engine, handler, consumer } = await setUp()
    consumer.onAcknowledge = () => new Promise((resolve) => clock.after(500, resolve))
    handler.succeed('m0')
    await clock.advance(1_100)
    engine.lost([{ partition: 0, epoch: 1 }])
    engine.assigned([{ partition: 0, epoch: 2, logId: '', position: 0 }])
    engine.records(0, 2, { records: [record(0, { key: 'k0' })], next: 1 })
    await settle()
    expect(handler.started.filter((id) => id === 'm0')).toHaveLength(1)
  })
})
