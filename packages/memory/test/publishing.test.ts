import { memory, memoryBroker } from '../src/index.js'
import { RecordingMembership } from './recording-membership.js'
import { batch, connected, group, never, record, request, settled, topology, until } from './setup.js'

async function setUp(
  settings: { maxStoredMessages?: number; maxStoredBytes?: number } = {},
  topic = topology(),
) {
  const broker = memoryBroker(settings)
  const transport = await connected(memory({ broker }))
  await transport.declare(topic)
  const publisher = await transport.openPublisher()
  const backlog = async (of = 'billing') =>
    (await transport.inspect(topic, of)).reduce((sum, { messages }) => sum + messages, 0)
  return { broker, transport, publisher, backlog }
}

describe('a memory publisher', () => {
  let open: Awaited<ReturnType<typeof setUp>>[] = []
  const start: typeof setUp = async (...settings) => {
    const made = await setUp(...settings)
    open.push(made)
    return made
  }
  afterEach(async () => {
    await Promise.all(open.map(({ transport }) => transport.close()))
    open = []
  })

  it('answers with one position per record, counting on within the partition', async () => {
    const { publisher } = await start()
    expect(await publisher.send(batch(1, 'a', 'b'), never)).toEqual([
      { status: 'stored', position: 0 },
      { status: 'stored', position: 1 },
    ])
    expect(await publisher.send(batch(1, 'c'), never)).toEqual([{ status: 'stored', position: 2 }])
    expect(await publisher.send(batch(2, 'd'), never)).toEqual([{ status: 'stored', position: 0 }])
  })

  it('refuses a batch for a topic or partition that does not exist', async () => {
    const { publisher } = await start()
    const outcomes = await publisher.send(batch(4, 'a'), never)
    expect(outcomes).toMatchObject([{ status: 'rejected', error: { code: 'UNROUTABLE', retryable: false } }])
  })

  it('stores a batch once when its answer was lost and it is sent again', async () => {
    const { broker, publisher, backlog } = await start()
    broker.faults.loseResponse()
    const sent = batch(0, 'a', 'b')
    expect(await publisher.send(sent, never)).toMatchObject([{ status: 'unknown' }, { status: 'unknown' }])
    expect(await publisher.send(sent, never)).toEqual([
      { status: 'stored', position: 0 },
      { status: 'stored', position: 1 },
    ])
    expect(await backlog()).toBe(2)
  })

  it('stores a batch whose request was lost only when it is sent again', async () => {
    const { broker, publisher, backlog } = await start()
    broker.faults.loseRequest()
    const sent = batch(0, 'a')
    expect(await publisher.send(sent, never)).toMatchObject([{ status: 'unknown' }])
    expect(await backlog()).toBe(0)
    expect(await publisher.send(sent, never)).toEqual([{ status: 'stored', position: 0 }])
  })

  it('does not take an equal batch for one that was abandoned', async () => {
    const { broker, publisher, backlog } = await start()
    broker.faults.loseResponse()
    const sent = batch(0, 'a')
    await publisher.send(sent, never)
    publisher.abandon(sent)
    expect(await publisher.send(batch(0, 'a'), never)).toEqual([{ status: 'stored', position: 1 }])
    expect(await backlog()).toBe(2)
  })

  it('gives up a delayed batch as unknown, and the batch arrives all the same', async () => {
    const { broker, publisher, backlog } = await start()
    broker.faults.delayPublish(30)
    const giveUp = new AbortController()
    const sending = publisher.send(batch(0, 'a'), giveUp.signal)
    await settled()
    giveUp.abort()
    expect(await sending).toMatchObject([{ status: 'unknown', error: { code: 'CONNECTION_LOST' } }])
    expect(await backlog()).toBe(0)
    let stored = 0
    while (stored === 0) stored = await backlog()
    expect(stored).toBe(1)
  })

  it('refuses what a test asks it to refuse, as often as asked', async () => {
    const { broker, publisher } = await start()
    broker.faults.rejectPublish(2)
    for (const status of ['rejected', 'rejected', 'stored']) {
      expect(await publisher.send(batch(0, 'a'), never)).toMatchObject([{ status }])
    }
  })

  it('waits for a stopped broker, and says that nothing was sent when it may wait no longer', async () => {
    const { broker, publisher } = await start()
    broker.stop()
    const giveUp = new AbortController()
    const refused = publisher.send(batch(0, 'a'), giveUp.signal)
    const waiting = publisher.send(batch(1, 'b'), never)
    giveUp.abort()
    expect(await refused).toMatchObject([
      { status: 'rejected', error: { code: 'CONNECTION_LOST', retryable: true } },
    ])
    broker.start()
    expect(await waiting).toEqual([{ status: 'stored', position: 0 }])
  })

  it('closes only when nothing is in flight', async () => {
    const { broker, publisher, backlog } = await start()
    broker.faults.delayPublish(20)
    void publisher.send(batch(0, 'a'), never)
    await publisher.close()
    expect(await backlog()).toBe(1)
  })

  it('rejects with QUEUE_FULL, naming the slowest group, until that group has acknowledged', async () => {
    const topic = topology({ groups: [group('billing'), group('shipping')] })
    const { transport, publisher } = await start({ maxStoredMessages: 3 }, topic)
    await publisher.send(batch(0, 'a', 'b', 'c'), never)
    const full = { status: 'rejected', wholeBatch: true, error: { code: 'QUEUE_FULL', retryable: true } }
    const outcomes = await publisher.send(batch(0, 'd'), never)
    expect(outcomes).toMatchObject([full])

    const consumers = await Promise.all(
      ['billing', 'shipping'].map(async (name) => {
        const membership = new RecordingMembership()
        const consumer = await transport.openConsumer(request({ topic, group: name }), membership)
        return (next: number) =>
          consumer.acknowledge(0, membership.held.get(0)!.epoch, { next, finished: [], record: '' })
      }),
    )
    await consumers[0]!(3)
    const still = await publisher.send(batch(0, 'd'), never)
    expect(still).toMatchObject([full])
    expect(still[0]).toMatchObject({
      error: { details: { slowest: { topic: 'orders', group: 'shipping', messages: 3 } } },
    })
    await consumers[1]!(1)
    expect(await publisher.send(batch(0, 'd'), never)).toEqual([{ status: 'stored', position: 3 }])
  })

  it('bounds what it stores in bytes as well', async () => {
    const { publisher } = await start({ maxStoredBytes: 1_024 })
    const large = { topic: 'orders', partition: 0, records: [record('x'.repeat(600))] }
    expect(await publisher.send(large, never)).toMatchObject([{ status: 'stored' }])
    expect(await publisher.send({ ...large }, never)).toMatchObject([{ error: { code: 'QUEUE_FULL' } }])
  })

  it('keeps the newest messages of a topic without groups when it is full', async () => {
    const topic = topology({ partitions: 1, groups: [] })
    const { transport, publisher } = await start({ maxStoredMessages: 4 }, topic)
    for (const body of 'abcdef')
      expect(await publisher.send(batch(0, body), never)).toMatchObject([{ status: 'stored' }])

    const withGroup = topology({ partitions: 1 })
    await transport.declare(withGroup)
    const membership = new RecordingMembership()
    await transport.openConsumer(request({ topic: withGroup }), membership)
    await until(() => membership.bodies.includes('f'))
    expect('abcdef'.endsWith(membership.bodies.join(''))).toBe(true)
    expect(membership.bodies.length).toBeGreaterThan(1)
  })
})
