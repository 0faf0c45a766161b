import { kafka } from '@waybill/kafka'
import type { Transport, TransportConsumer, TransportPublisher } from '@waybill/core/spi'
import {
  type BrokerEnvironment,
  createEnvironment,
  type KafkaHandle,
} from '@waybill/integration-tests/environment'
import { type Admin, Kafka, logLevel } from 'kafkajs'
import {
  batch,
  context,
  publish,
  type RecordingContext,
  recordingMembership,
  storedPositions,
  topology,
  until,
} from './kafka-support.js'

jest.setTimeout(60_000)

let environment: BrokerEnvironment
let broker: KafkaHandle
let surroundings: RecordingContext
let transport: Transport
let publisher: TransportPublisher
let admin: Admin
const consumers: TransportConsumer[] = []

beforeAll(async () => {
  environment = await createEnvironment()
  broker = await environment.kafka()
  surroundings = context()
  transport = kafka({ brokers: broker.brokers, sessionTimeoutMs: 6_000, metadataMaxAgeMs: 500 })
  await transport.connect(surroundings)
  publisher = await transport.openPublisher()
  admin = new Kafka({ brokers: [...broker.brokers], logLevel: logLevel.NOTHING }).admin()
  await admin.connect()
}, 180_000)

afterEach(async () => {
  await Promise.all(consumers.splice(0).map((consumer) => consumer.leave()))
})

afterAll(async () => {
  await admin?.disconnect()
  await publisher?.close()
  await transport?.close()
  await environment?.stop()
})

async function consume(topic: string, change = {}) {
  const membership = recordingMembership()
  const consumer = await transport.openConsumer(
    { topic: topology(topic, change), group: 'billing', memberId: 'm', handlerTimeoutMs: 5_000 },
    membership,
  )
  consumers.push(consumer)
  return { consumer, membership }
}

const create = (topic: string, numPartitions: number, config: Record<string, string> = {}) =>
  admin.createTopics({
    waitForLeaders: false,
    topics: [
      {
        topic,
        numPartitions,
        replicationFactor: 1,
        configEntries: Object.entries(config).map(([name, value]) => ({ name, value })),
      },
    ],
  })

async function truncate(topic: string, offset: string): Promise<void> {
  // kafkajs knows the leader only of topics it was asked about before.
  await admin.fetchTopicOffsets(topic)
  await admin.deleteTopicRecords({ topic, partitions: [{ partition: 0, offset }] })
}

describe('declaring a topic', () => {
  it('refuses one that has fewer partitions, naming both numbers', async () => {
    await create('fewer', 2)
    const error = await transport.declare(topology('fewer')).catch((thrown: unknown) => thrown)
    expect(error).toMatchObject({
      name: 'TopologyError',
      code: 'TOPOLOGY_CONFLICT',
      details: { declared: 3, actual: 2 },
    })
  })

  it('reports one that has more partitions, until it fits', async () => {
    await create('more', 5)
    await expect(transport.declare(topology('more'))).resolves.toMatchObject({ partitions: 5 })
    expect(surroundings.raised).toContainEqual(
      expect.objectContaining({ code: 'TOPOLOGY_DRIFT', subject: 'topic more' }),
    )
    await transport.declare(topology('more', { partitions: 5 }))
    expect(surroundings.cleared).toContain('TOPOLOGY_DRIFT topic more')
  })

  it('refuses one that may lose acknowledged messages, and takes it as it is when told to', async () => {
    await create('weak', 3, { 'unclean.leader.election.enable': 'true' })
    await expect(transport.declare(topology('weak'))).rejects.toMatchObject({
      name: 'TopologyError',
      code: 'DURABILITY_WEAK',
    })
    await expect(transport.declare(topology('weak', { durability: 'as-is' }))).resolves.toMatchObject({
      partitions: 3,
    })
    expect(surroundings.raised).toContainEqual(
      expect.objectContaining({ code: 'DURABILITY_WEAK', subject: 'topic weak' }),
    )
  })

  it('makes room for messages larger than the broker takes by default', async () => {
    const declared = await transport.declare(topology('large', { maxMessageBytes: 3_000_000 }))
    expect(declared.maxMessageBytes).toBeGreaterThanOrEqual(3_000_000)
    expect(storedPositions(await publish(publisher, batch('large', 0, ['x'.repeat(2_900_000)])))).toEqual([0])
  })

  it('reads what an existing topic takes, and a batch over it is refused as a whole', async () => {
    await create('small', 3, { 'max.message.bytes': '2000' })
    await expect(transport.declare(topology('small'))).resolves.toMatchObject({ maxBatchBytes: 2_000 })
    const [first] = await publish(publisher, batch('small', 0, ['x'.repeat(1_500), 'y'.repeat(1_500)]))
    expect(first).toMatchObject({
      status: 'rejected',
      wholeBatch: true,
      error: { code: 'MESSAGE_TOO_LARGE', retryable: false },
    })
    const [alone] = await publish(publisher, batch('small', 0, ['x'.repeat(3_000)]))
    expect(alone).toMatchObject({ status: 'rejected', wholeBatch: false })
    expect(storedPositions(await publish(publisher, batch('small', 0, ['fits'])))).toEqual([0])
  })

  it('is safe from two processes at once', async () => {
    const other = kafka({ brokers: broker.brokers })
    await other.connect(context())
    const [one, two] = await Promise.all([
      transport.declare(topology('both')),
      other.declare(topology('both')),
    ])
    await other.close()
    expect(one).toEqual(two)
  })
})

describe('a topic that nobody declared', () => {
  it('never comes into being by publishing or consuming, although the broker would make it', async () => {
    const [outcome] = await publisher.send(batch('undeclared', 0, ['a']), AbortSignal.timeout(3_000))
    expect(outcome).toMatchObject({ status: 'rejected' })
    const consuming = consume('undeclared-too', {})
    await expect(
      Promise.race([consuming, new Promise((resolve) => setTimeout(resolve, 2_000, 'waiting'))]),
    ).resolves.toBe('waiting')
    expect(await admin.listTopics()).not.toEqual(
      expect.arrayContaining([expect.stringContaining('undeclared')]),
    )
    await create('undeclared-too', 3)
    await consuming
  })
})

describe('a topic that changes', () => {
  it('trap 7: is consumed on partitions that were added, from their start, and reported', async () => {
    await transport.declare(topology('grows'))
    const { membership } = await consume('grows')
    await admin.createPartitions({ topicPartitions: [{ topic: 'grows', count: 4 }] })
    await until(
      async () =>
        (await publisher.send(batch('grows', 3, ['early']), AbortSignal.timeout(5_000)))[0]?.status ===
        'stored',
    )
    await until(() => membership.bodies(3).length > 0)
    expect(membership.bodies(3)[0]).toBe('early')
    expect(surroundings.raised).toContainEqual(
      expect.objectContaining({ code: 'TOPOLOGY_DRIFT', subject: 'topic grows' }),
    )
  })

  it('trap 7: is passed over by a kafkajs consumer on its defaults, on partitions that were added', async () => {
    await create('naive-grows', 1)
    const client = new Kafka({ brokers: [...broker.brokers], logLevel: logLevel.NOTHING })
    const consumer = client.consumer({ groupId: 'naive-grows', maxWaitTimeInMs: 100, metadataMaxAge: 500 })
    await consumer.connect()
    await consumer.subscribe({ topic: 'naive-grows' })
    const got: string[] = []
    await consumer.run({ eachMessage: async ({ message }) => void got.push(String(message.value)) })
    await until(async () => (await admin.describeGroups(['naive-grows'])).groups[0]?.state === 'Stable')
    await consumer.stop()
    await admin.createPartitions({ topicPartitions: [{ topic: 'naive-grows', count: 2 }] })
    await until(
      async () =>
        (await publisher.send(batch('naive-grows', 1, ['early']), AbortSignal.timeout(5_000)))[0]?.status ===
        'stored',
    )
    await consumer.run({ eachMessage: async ({ message }) => void got.push(String(message.value)) })
    await until(async () => {
      await publish(publisher, batch('naive-grows', 1, ['late']))
      return got.includes('late')
    })
    await consumer.disconnect()
    expect(got).not.toContain('early')
  })

  it('that was deleted is made again as declared, and said to be another one', async () => {
    await transport.declare(topology('again'))
    await publish(publisher, batch('again', 0, ['old', 'older']))
    const { membership } = await consume('again')
    await until(() => membership.bodies(0).length === 2)
    const { logId } = membership.assignmentOf(0) ?? {}
    await admin.deleteTopics({ topics: ['again'] })
    await until(() => membership.log.filter((line) => line === 'assigned 0').length === 2)
    expect(membership.assignmentOf(0)).toMatchObject({ position: 0 })
    expect(membership.assignmentOf(0)?.logId).not.toBe(logId)
    expect(surroundings.noted).toContainEqual(
      expect.objectContaining({ code: 'TOPOLOGY_DRIFT', subject: 'topic again' }),
    )
    await publish(publisher, batch('again', 0, ['new']))
    await until(() => membership.bodies(0).includes('new'))
  })
})

describe('where a group starts', () => {
  it('is the declaration for one that starts at the latest message', async () => {
    await create('latest', 3)
    await until(
      async () =>
        (await publisher.send(batch('latest', 0, ['before']), AbortSignal.timeout(5_000)))[0]?.status ===
        'stored',
    )
    const latest = { groups: [{ name: 'billing', from: 'latest' as const, acceptMissingBacklog: false }] }
    await transport.declare(topology('latest', latest))
    await publish(publisher, batch('latest', 0, ['after']))
    await transport.declare(topology('latest', latest))
    const { membership } = await consume('latest', latest)
    await until(() => membership.bodies(0).length > 0)
    expect(membership.bodies(0)).toEqual(['after'])
  })

  it('trap 7: is the start of the log when what it committed is gone, and that is reported with the range', async () => {
    await transport.declare(topology('truncated'))
    await publish(publisher, batch('truncated', 0, ['a', 'b', 'c', 'd']))
    const { consumer, membership } = await consume('truncated')
    await until(() => membership.bodies(0).length === 4)
    await consumer.acknowledge(0, membership.epochOf(0), { next: 1, finished: [0], record: 'progress' })
    await consumer.leave()
    consumers.length = 0
    await truncate('truncated', '3')
    const next = await consume('truncated')
    await until(() => next.membership.bodies(0).length > 0)
    expect(next.membership.bodies(0)).toEqual(['d'])
    expect(next.membership.assignmentOf(0)).toEqual(expect.objectContaining({ position: 3 }))
    expect(next.membership.assignmentOf(0)).not.toHaveProperty('record')
    expect(surroundings.noted).toContainEqual(
      expect.objectContaining({
        code: 'OFFSET_OUT_OF_RANGE',
        subject: 'partition truncated/0 of billing',
        details: expect.objectContaining({ offset: 1, earliest: 3, latest: 4 }) as unknown,
      }),
    )
  })

  it('trap 7: is the start of the log when it committed more than the log has', async () => {
    await transport.declare(topology('beyond'))
    await publish(publisher, batch('beyond', 0, ['a']))
    await admin.setOffsets({
      groupId: 'beyond.billing',
      topic: 'beyond',
      partitions: [{ partition: 0, offset: '900' }],
    })
    const { membership } = await consume('beyond')
    await until(() => membership.bodies(0).length === 1)
    expect(surroundings.noted).toContainEqual(
      expect.objectContaining({ code: 'OFFSET_OUT_OF_RANGE', subject: 'partition beyond/0 of billing' }),
    )
  })

  it('trap 7: moves on, in a new holding, when the log is cut while it is read', async () => {
    await transport.declare(topology('cut-live'))
    const { consumer, membership } = await consume('cut-live')
    consumer.pause?.(0)
    // The poll that was under way, and one after it, are over when these have come: partition 0 is not read any more.
    for (const body of ['x', 'y']) {
      await publish(publisher, batch('cut-live', 1, [body]))
      await until(() => membership.bodies(1).includes(body))
    }
    const epoch = membership.epochOf(0)
    await publish(publisher, batch('cut-live', 0, ['a', 'b', 'c']))
    await truncate('cut-live', '3')
    await publish(publisher, batch('cut-live', 0, ['d']))
    consumer.resume?.(0)
    await until(() => membership.bodies(0).length > 0)
    expect(membership.bodies(0)).toEqual(['d'])
    expect(membership.log).toContain('lost 0')
    expect(membership.epochOf(0)).toBeGreaterThan(epoch)
    expect(membership.assignmentOf(0)).toMatchObject({ position: 3 })
    expect(surroundings.noted).toContainEqual(
      expect.objectContaining({ code: 'OFFSET_OUT_OF_RANGE', subject: 'partition cut-live/0 of billing' }),
    )
  })
})

describe('a partition that is moved on by hand', () => {
  it('goes on at the position, and refuses one that was passed or that this member does not hold', async () => {
    await transport.declare(topology('moved'))
    await publish(publisher, batch('moved', 0, ['good']))
    const { consumer, membership } = await consume('moved')
    await until(() => membership.bodies(0).length === 1)
    await expect(consumer.skipTo?.(0, 0)).rejects.toMatchObject({ code: 'CONFIG_INVALID' })
    await expect(consumer.skipTo?.(9, 1)).rejects.toMatchObject({ code: 'PARTITION_NOT_HELD' })
    await consumer.skipTo?.(0, 2)
    await publish(publisher, batch('moved', 0, ['passed over', 'next']))
    await until(() => membership.bodies(0).includes('next'))
    expect(membership.bodies(0)).toEqual(['good', 'next'])
  })
})
