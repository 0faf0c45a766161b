import { consuming, record, type RecordShape } from '../support/consuming.js'
import { GatedHandler } from '../support/gated-handler.js'
import { settle, VirtualClock } from '../support/virtual-clock.js'

const fiveMinutesMs = 300_000

describe('twins', () => {
  const receive = async (...shapes: RecordShape[]) => {
    const handler = new GatedHandler()
    const { engine, consumer, events } = consuming(new VirtualClock(), handler.handle)
    engine.assigned([{ partition: 0, epoch: 1, logId: '', position: 0 }])
    const records = shapes.map((shape, position) => record(position, shape))
    engine.records(0, 1, { records, next: records.length })
    await settle()
    return { handler, engine, consumer, events }
  }

  it.each([
    ['the second', false, true],
    ['the first', true, false],
    ['each', true, true],
  ])('run once if %s carries our mark', async (_, first, second) => {
    const { handler, events } = await receive({ id: 'x', marked: first }, { id: 'x', marked: second })
    handler.succeed('x')
    await settle()
    expect(handler.started).toEqual(['x'])
    expect(events.at(-1)).toMatchObject({ type: 'duplicate.skipped', id: 'x', reason: 'twin' })
  })

  it('run both if a user published one id twice', async () => {
    const { handler } = await receive({ id: 'x' }, { id: 'x' })
    handler.succeed('x')
    await settle()
    expect(handler.started).toEqual(['x', 'x'])
  })

  it('without a key wait for each other as well', async () => {
    const { handler } = await receive({ key: null, id: 'x' }, { key: null, id: 'x', marked: true })
    expect(handler.started).toEqual(['x'])
    handler.succeed('x')
    await settle()
    expect(handler.started).toEqual(['x'])
  })

  it('wait while the first is tried again', async () => {
    const handler = new GatedHandler()
    const clock = new VirtualClock()
    const { engine } = consuming(clock, handler.handle)
    engine.assigned([{ partition: 0, epoch: 1, logId: '', position: 0 }])
    const records = [record(0, { id: 'x' }), record(1, { id: 'x', marked: true })]
    engine.records(0, 1, { records, next: 2 })
    await settle()
    handler.fail('x')
    await clock.advance(200)
    handler.succeed('x')
    await settle()
    expect(handler.started).toEqual(['x', 'x'])
  })

  it('of a lost delivery are forgotten: the second one runs', async () => {
    const handler = new GatedHandler()
    const { engine } = consuming(new VirtualClock(), handler.handle)
    engine.assigned([{ partition: 0, epoch: 1, logId: '', position: 0 }])
    engine.records(0, 1, { records: [record(0, { id: 'x' })], next: 1 })
    await settle()
    engine.lost([{ partition: 0, epoch: 1 }])
    handler.fail('x')
    engine.assigned([{ partition: 0, epoch: 2, logId: '', position: 1 }])
    engine.records(0, 2, { records: [record(1, { id: 'x', marked: true })], next: 2 })
    await settle()
    expect(handler.started).toEqual(['x', 'x'])
  })

  it('are forgotten after a while', async () => {
    const clock = new VirtualClock()
    const started: string[] = []
    const { engine } = consuming(clock, ({ id }) => void started.push(id))
    engine.assigned([{ partition: 0, epoch: 1, logId: '', position: 0 }])
    let position = 0
    const receiveOne = async (shape: RecordShape): Promise<void> => {
      engine.records(0, 1, { records: [record(position, shape)], next: ++position })
      await settle()
    }
    await receiveOne({ id: 'x' })
    await clock.advance(fiveMinutesMs + 1)
    await receiveOne({ id: 'y' })
    await receiveOne({ id: 'x', marked: true })
    await clock.advance(2 * fiveMinutesMs + 1)
    await receiveOne({ id: 'z' })
    await receiveOne({ id: 'x', marked: true })
    expect(started).toEqual(['x', 'y', 'z', 'x'])
  })
})
