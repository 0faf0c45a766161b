import { consuming, record, topicOf } from '../support/consuming.js'
import { settleCapabilities } from '../support/fake-transport.js'
import { GatedHandler } from '../support/gated-handler.js'
import { settle, VirtualClock } from '../support/virtual-clock.js'

const hold = (...partitions: number[]) =>
  partitions.map((partition) => ({ partition, epoch: 1, logId: '', position: 0 }))

describe('intake', () => {
  const setUp = (changed: Parameters<typeof consuming>[2] = {}) => {
    const handler = new GatedHandler()
    const made = consuming(new VirtualClock(), handler.handle, { topic: topicOf(4, 2), ...changed })
    const deliver = async (partition: number, first: number, sizes: number[]): Promise<void> => {
      const records = sizes.map((sizeBytes, index) =>
        record(first + index, { key: null, id: `${partition}/${first + index}`, sizeBytes }),
      )
      made.engine.records(partition, 1, { records, next: first + sizes.length })
      await settle()
    }
    return { handler, deliver, ...made }
  }

  it('pauses a partition whose window is full, and resumes it at any room, for a slow key may keep the rest', async () => {
    const { engine, consumer, handler, deliver } = setUp()
    engine.assigned(hold(0, 1))
    await deliver(0, 0, [1, 1, 1])
    expect(consumer.paused).toEqual(new Set())
    await deliver(0, 3, [1])
    expect(consumer.paused).toEqual(new Set([0]))
    expect(engine.status().partitions).toMatchObject([{ full: 'window' }, { full: undefined }])
    handler.succeed('0/2')
    await settle()
    expect(consumer.paused).toEqual(new Set())
    expect(engine.status().partitions).toMatchObject([{ full: undefined, unfinished: 3 }, {}])
  })

  it('pauses a partition whose share of the bytes is full, and no other', async () => {
    const { engine, consumer, handler, deliver } = setUp({ maxBufferedBytes: 1_000 })
    engine.assigned(hold(0, 1))
    await deliver(0, 0, [300, 300])
    await deliver(1, 0, [300])
    expect(consumer.paused).toEqual(new Set([0]))
    const status = engine.status()
    expect(status).toMatchObject({ bufferedMessages: 3, bufferedBytes: 900, worstCaseBufferedBytes: 1_000 })
    expect(status.partitions[0]).toMatchObject({ full: 'bytes', unfinished: 2 })
    handler.succeed('0/0', '0/1')
    await settle()
    expect(consumer.paused).toEqual(new Set())
  })

  it('goes on in a drained partition although another one stands still with all its bytes', async () => {
    const { engine, consumer, handler, deliver } = setUp({ maxBufferedBytes: 1_000 })
    engine.assigned(hold(0, 1))
    await deliver(0, 0, [700])
    await deliver(1, 0, [500])
    expect(consumer.paused).toEqual(new Set([0, 1]))
    handler.succeed('1/0')
    await settle()
    expect(consumer.paused).toEqual(new Set([0]))
  })

  it('goes on when the partitions that share the bytes become fewer', async () => {
    const { engine, consumer, deliver } = setUp({ maxBufferedBytes: 1_000 })
    engine.assigned(hold(0, 1))
    await deliver(0, 0, [500])
    expect(consumer.paused).toEqual(new Set([0]))
    engine.lost([{ partition: 1, epoch: 1 }])
    expect(consumer.paused).toEqual(new Set())
  })

  it('is not paused where the broker cannot, and shows what it can grow to', async () => {
    const { engine, consumer, deliver } = setUp({
      capabilities: settleCapabilities,
      maxBufferedBytes: 1_024,
    })
    engine.assigned(hold(0))
    await deliver(0, 0, [1_000, 1_000, 1_000, 1_000])
    expect(consumer.paused).toEqual(new Set())
    expect(engine.status()).toMatchObject({ worstCaseBufferedBytes: 4_000_000, bufferedBytes: 4_000 })
  })

  it('pauses what filled up before the driver handed over its consumer', async () => {
    const { engine, consumer, deliver } = setUp()
    const late = { paused: consumer.paused }
    engine.assigned(hold(0))
    await deliver(0, 0, [1, 1, 1, 1])
    late.paused.clear()
    engine.attach(consumer)
    expect(consumer.paused).toEqual(new Set([0]))
  })
})
