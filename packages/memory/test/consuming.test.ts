import type { ConnectionState, PartitionEpoch, Transport, TransportConsumer } from '@waybill/core/spi'
import { memory, memoryBroker, type MemoryBroker } from '../src/index.js'
import { RecordingMembership } from './recording-membership.js'
import {
  batch,
  connected,
  context,
  group,
  never,
  record,
  request,
  settled,
  topology,
  until,
} from './setup.js'

describe('a memory consumer', () => {
  let broker: MemoryBroker
  let transports: Transport[]

  beforeEach(() => {
    broker = memoryBroker()
    transports = []
  })
  afterEach(async () => {
    await Promise.all(transports.map((transport) => transport.close()))
  })

  async function open(topic = topology(), states: ConnectionState[] = []): Promise<Transport> {
    const transport = await connected(memory({ broker }), states)
    transports.push(transport)
    await transport.declare(topic)
    return transport
  }
  async function publish(
    transport: Transport,
    partition: number,
    ...bodies: readonly string[]
  ): Promise<void> {
    const publisher = await transport.openPublisher()
    await publisher.send(batch(partition, ...bodies), never)
  }
  async function join(
    membership: RecordingMembership,
    transport?: Transport,
  ): Promise<{ transport: Transport; consumer: TransportConsumer }> {
    const joined = transport ?? (await open())
    return { transport: joined, consumer: await joined.openConsumer(request(), membership) }
  }
  const epochOf = (membership: RecordingMembership, partition: number): number =>
    membership.held.get(partition)!.epoch

  it('holds every partition when it is alone, and receives them in stored order', async () => {
    const member = new RecordingMembership()
    const { transport } = await join(member)
    expect(member.partitions).toEqual([0, 1, 2, 3])
    await publish(transport, 0, 'a', 'b')
    await publish(transport, 0, 'c')
    await until(() => member.received.length === 3)
    expect(member.received.map(({ position }) => position)).toEqual([0, 1, 2])
    expect(member.bodies).toEqual(['a', 'b', 'c'])
  })

  it('hands over key, body, headers and attributes as they were published', async () => {
    const member = new RecordingMembership()
    const { transport } = await join(member)
    const publisher = await transport.openPublisher()
    const sent = record(null, {
      key: Buffer.alloc(0),
      headers: [
        ['x', '1'],
        ['x', Buffer.from([255])],
      ],
    })
    await publisher.send({ topic: 'orders', partition: 0, records: [sent] }, never)
    await until(() => member.received.length === 1)
    expect(member.received[0]).toMatchObject({ body: null, attributes: sent.attributes, sizeBytes: 4 })
    expect(member.received[0]!.key).toEqual(new Uint8Array())
    expect(member.received[0]!.rawHeaders).toEqual([
      ['x', '1'],
      ['x', new Uint8Array([255])],
    ])
  })

  it('gives each delivery bytes of its own', async () => {
    const topic = topology({ groups: [group('billing'), group('shipping')] })
    const transport = await open(topic)
    const spoiler = new RecordingMembership(undefined, (_partition, _epoch, { records }) =>
      records[0]!.body!.fill(0),
    )
    const other = new RecordingMembership()
    await transport.openConsumer(request({ topic }), spoiler)
    await publish(transport, 0, 'a')
    await until(() => spoiler.received.length === 1)
    await transport.openConsumer(request({ topic, group: 'shipping' }), other)
    await until(() => other.received.length === 1)
    expect(other.bodies).toEqual(['a'])
  })

  it('never calls its member within a call of the member or the publisher', async () => {
    let calls = 0
    const member = new RecordingMembership(undefined, () => calls++)
    const { transport, consumer } = await join(member)
    await publish(transport, 0, 'a')
    await until(() => calls === 1)
    const publisher = await transport.openPublisher()
    consumer.pause!(1)
    await publisher.send(batch(1, 'b'), never)
    await settled()
    consumer.resume!(1)
    expect(calls).toBe(1)
    await until(() => calls === 2)
  })

  it('receives nothing of a paused partition, and everything of the others', async () => {
    const member = new RecordingMembership()
    const { transport, consumer } = await join(member)
    consumer.pause!(0)
    await publish(transport, 0, 'a')
    await publish(transport, 1, 'b')
    await settled()
    expect(member.bodies).toEqual(['b'])
    consumer.resume!(0)
    await until(() => member.bodies.includes('a'))
  })

  it('lets its member pause in the middle of a backlog', async () => {
    const transport = await open()
    await publish(transport, 0, ...Array<string>(1_000).fill('x'))
    let consumer: TransportConsumer | undefined
    const member = new RecordingMembership(undefined, (partition) => consumer!.pause!(partition))
    consumer = (await join(member, transport)).consumer
    await settled()
    expect(member.received.length).toBeLessThan(1_000)
    expect(member.received.length).toBeGreaterThan(0)
  })

  it('moves on where it is told to skip to', async () => {
    const member = new RecordingMembership()
    const { transport, consumer } = await join(member)
    consumer.pause!(0)
    await publish(transport, 0, 'a', 'b', 'c')
    await consumer.skipTo!(0, 2)
    consumer.resume!(0)
    await until(() => member.bodies.includes('c'))
    expect(member.bodies).toEqual(['c'])
  })

  it('goes on after a restart of every member where the group had acknowledged, with its progress record', async () => {
    const first = new RecordingMembership()
    const { transport, consumer } = await join(first)
    await publish(transport, 0, 'a', 'b', 'c')
    await until(() => first.received.length === 3)
    await consumer.acknowledge(0, epochOf(first, 0), { next: 1, finished: [2], record: 'v1' })
    await consumer.leave()

    const second = new RecordingMembership()
    await join(second)
    expect(second.held.get(0)).toMatchObject({ position: 1, record: 'v1', logId: first.held.get(0)!.logId })
    expect(second.held.get(0)!.epoch).toBeGreaterThan(first.held.get(0)!.epoch)
    await until(() => second.received.length === 2)
    expect(second.bodies).toEqual(['b', 'c'])
  })

  it('shares partitions with a member that joins, and moves no more than it has to', async () => {
    const first = new RecordingMembership()
    const second = new RecordingMembership()
    await join(first)
    await join(second)
    await until(() => second.held.size === 2)
    expect(first.told.filter((line) => line.startsWith('revoking'))).toHaveLength(2)
    expect([...first.partitions, ...second.partitions].toSorted((a, b) => a - b)).toEqual([0, 1, 2, 3])
  })

  it('moves a partition only when its holder has let go of it, and each by itself', async () => {
    const stuck = deferred()
    let held: number | undefined
    const first = new RecordingMembership(async ([asked]) => {
      held ??= asked?.partition
      if (asked?.partition === held) await stuck.promise
    })
    const second = new RecordingMembership()
    await join(first)
    await join(second)
    await settled()
    expect(second.held.size).toBe(1)
    expect(second.partitions).not.toContain(held)
    stuck.resolve()
    await until(() => second.held.size === 2)
    expect(second.partitions).toContain(held)
  })

  it('takes acknowledgements while a partition is being given up, and none afterwards', async () => {
    const gate = deferred()
    const revoked: PartitionEpoch[] = []
    const first = new RecordingMembership(async (list) => {
      revoked.push(...list)
      await gate.promise
    })
    const { transport, consumer } = await join(first)
    await publish(transport, 0, 'a', 'b')
    await publish(transport, 1, 'a', 'b')
    await publish(transport, 2, 'a', 'b')
    await publish(transport, 3, 'a', 'b')
    await until(() => first.received.length === 8)
    const second = new RecordingMembership()
    await join(second)
    await until(() => revoked.length === 2)
    const { partition, epoch } = revoked[0]!
    await consumer.acknowledge(partition, epoch, { next: 1, finished: [], record: '' })
    gate.resolve()
    await until(() => second.held.size === 2)
    await consumer.acknowledge(partition, epoch, { next: 2, finished: [], record: '' })
    expect(second.held.get(partition)!.position).toBe(1)
    const backlog = await transport.inspect(topology(), 'billing')
    expect(backlog.find((of) => of.partition === partition)).toEqual({ partition, messages: 1 })
  })

  it('gives what a leaving member held to the others at once', async () => {
    const first = new RecordingMembership()
    const second = new RecordingMembership()
    const { consumer } = await join(first)
    await join(second)
    await until(() => second.held.size === 2)
    await consumer.leave()
    await until(() => second.held.size === 4)
    expect(second.partitions).toEqual([0, 1, 2, 3])
  })

  it('stands by when there are fewer partitions than members', async () => {
    const members = Array.from({ length: 5 }, () => new RecordingMembership())
    for (const member of members) await join(member)
    await until(() => members.filter(({ held }) => held.size === 1).length === 4)
    expect(members.filter(({ held }) => held.size === 0)).toHaveLength(1)
  })

  it('loses everything of a crashed member, and delivers it again from what was acknowledged', async () => {
    const first = new RecordingMembership()
    const { transport, consumer } = await join(first)
    await publish(transport, 0, 'a', 'b')
    await until(() => first.received.length === 2)
    const epoch = epochOf(first, 0)
    await consumer.acknowledge(0, epoch, { next: 1, finished: [], record: '' })
    broker.crash(transport)
    await consumer.acknowledge(0, epoch, { next: 2, finished: [], record: '' })
    await until(() => first.told.includes('failed CONNECTION_LOST'))
    expect(first.told.filter((line) => line.startsWith('lost'))).toHaveLength(4)

    const second = new RecordingMembership()
    await join(second)
    await until(() => second.received.length === 1)
    expect(second.bodies).toEqual(['b'])
  })

  it('publishes nothing from a crashed bus', async () => {
    const transport = await open()
    const publisher = await transport.openPublisher()
    broker.crash(transport)
    broker.start()
    const giveUp = new AbortController()
    const sending = publisher.send(batch(0, 'a'), giveUp.signal)
    await settled()
    giveUp.abort()
    expect(await sending).toMatchObject([{ status: 'rejected' }])
  })

  it('comes back after its connection was cut, while others had its partitions', async () => {
    const states: ConnectionState[] = []
    const first = new RecordingMembership()
    const second = new RecordingMembership()
    const transport = await open(topology(), states)
    await join(first, transport)
    await join(second)
    await until(() => second.held.size === 2)
    broker.disconnect(transport)
    await until(() => second.held.size === 4)
    expect(first.held.size).toBe(0)
    broker.reconnect(transport)
    await until(() => first.held.size === 2)
    expect(states).toEqual(['connected', 'disconnected', 'connected'])
  })

  it('comes back after the broker was stopped, with everything that was stored', async () => {
    const member = new RecordingMembership()
    const { transport } = await join(member)
    await publish(transport, 0, 'a')
    await until(() => member.received.length === 1)
    broker.stop()
    await until(() => member.held.size === 0)
    await expect(memory({ broker }).connect(context())).rejects.toMatchObject({
      code: 'BROKER_UNREACHABLE',
      retryable: true,
    })
    broker.start()
    await until(() => member.received.length === 2)
    expect(member.bodies).toEqual(['a', 'a'])
  })

  it('says that an acknowledgement should be tried again when it did not arrive', async () => {
    const member = new RecordingMembership()
    const { transport, consumer } = await join(member)
    await publish(transport, 0, 'a')
    await until(() => member.received.length === 1)
    broker.faults.failAcknowledge()
    const progress = { next: 1, finished: [], record: '' }
    await expect(consumer.acknowledge(0, epochOf(member, 0), progress)).rejects.toMatchObject({
      code: 'ACKNOWLEDGE_FAILED',
      retryable: true,
    })
    await consumer.acknowledge(0, epochOf(member, 0), progress)
    expect(await transport.inspect(topology(), 'billing')).toContainEqual({ partition: 0, messages: 0 })
  })

  it('receives what a foreign producer stored, with what it lacks missing', async () => {
    const member = new RecordingMembership()
    await join(member)
    broker.produce('orders', 2, { body: Buffer.from('{') })
    await until(() => member.received.length === 1)
    expect(member.received[0]).toMatchObject({ position: 0, key: null, attributes: {}, rawHeaders: [] })
    expect(() => broker.produce('orders', 9, {})).toThrow('no partition 9 of a topic "orders"')
  })
})

describe('declaring on the memory broker', () => {
  it('starts a new group at the oldest stored message, or at the end, as it asks', async () => {
    const transport = await connected(memory())
    await transport.declare(topology({ groups: [] }))
    const publisher = await transport.openPublisher()
    await publisher.send(batch(0, 'a', 'b'), never)
    const topic = topology({ groups: [group('billing'), group('audit', 'latest')] })
    await transport.declare(topic)
    await transport.declare(topic)
    expect(await transport.inspect(topic, 'billing')).toContainEqual({ partition: 0, messages: 2 })
    expect(await transport.inspect(topic, 'audit')).toContainEqual({ partition: 0, messages: 0 })
    await transport.close()
  })

  it('refuses another number of partitions', async () => {
    const transport = await connected(memory())
    await transport.declare(topology())
    await expect(transport.declare(topology({ partitions: 5 }))).rejects.toMatchObject({
      code: 'TOPOLOGY_CONFLICT',
      details: { partitions: 4, declared: 5 },
    })
    await transport.close()
  })

  it('refuses a consumer of a group that nobody declared', async () => {
    const transport = await connected(memory())
    await transport.declare(topology())
    const joining = transport.openConsumer(request({ group: 'audit' }), new RecordingMembership())
    await expect(joining).rejects.toMatchObject({ code: 'GROUP_UNDECLARED' })
    await transport.close()
  })
})

function deferred(): { readonly promise: Promise<void>; readonly resolve: () => void } {
  let resolve = (): void => undefined
  const promise = new Promise<void>((done) => {
    resolve = done
  })
  return { promise, resolve: () => resolve() }
}
