import { kafka } from '@waybill/kafka'
import type { Transport, TransportConsumer, TransportPublisher } from '@waybill/core/spi'
import {
  type BrokerEnvironment,
  createEnvironment,
  type KafkaHandle,
} from '@waybill/integration-tests/environment'
import { createProxy, kafkaReply, type Proxy } from '@waybill/testkit'
import { Kafka, logLevel } from 'kafkajs'
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

const PRODUCE = 0
const OFFSET_COMMIT = 8

jest.setTimeout(60_000)

let environment: BrokerEnvironment
let broker: KafkaHandle
let proxy: Proxy
let surroundings: RecordingContext
let transport: Transport
let publisher: TransportPublisher
const consumers: TransportConsumer[] = []
const never = new AbortController().signal

beforeAll(async () => {
  environment = await createEnvironment()
  proxy = await createProxy({ protocol: 'kafka' })
  broker = await environment.kafka({ proxyPort: proxy.port })
  proxy.forwardTo(broker.listeners.PROXIED?.[0] ?? '')
  surroundings = context()
  transport = kafka({ brokers: [proxy.address], sessionTimeoutMs: 6_000, requestTimeoutMs: 2_000 })
  await transport.connect(surroundings)
  publisher = await transport.openPublisher()
}, 180_000)

afterEach(async () => {
  proxy.clear()
  await Promise.all(consumers.splice(0).map((consumer) => consumer.leave()))
})

afterAll(async () => {
  await publisher?.close()
  await transport?.close()
  await environment?.stop()
  await proxy?.close()
}, 60_000)

async function consume(topic: string) {
  const membership = recordingMembership()
  const consumer = await transport.openConsumer(
    { topic: topology(topic), group: 'billing', memberId: 'm', handlerTimeoutMs: 5_000 },
    membership,
  )
  consumers.push(consumer)
  return { consumer, membership }
}

const naive = () =>
  new Kafka({
    brokers: [proxy.address],
    logLevel: logLevel.NOTHING,
    retry: { initialRetryTime: 20, retries: 2 },
  })

/** The whole log of partition 0, read by nobody's group. */
async function logOf(topic: string): Promise<string[]> {
  const admin = naive().admin()
  await admin.connect()
  const [end] = (await admin.fetchTopicOffsets(topic)).filter(({ partition }) => partition === 0)
  await admin.disconnect()
  const membership = recordingMembership()
  const reader = kafka({ brokers: broker.brokers, groupId: () => `reader-${topic}-${performance.now()}` })
  await reader.connect(context())
  const consumer = await reader.openConsumer(
    { topic: topology(topic), group: 'reader', memberId: 'm', handlerTimeoutMs: 1_000 },
    membership,
  )
  await until(() => membership.bodies(0).length === Number(end?.high))
  await consumer.leave()
  await reader.close()
  return membership.bodies(0)
}

describe('a Produce answer that is lost after the broker stored the batch', () => {
  it('trap 2: leaves the outcome unknown, and the identical batch sent again is stored once', async () => {
    await transport.declare(topology('cut'))
    await publish(publisher, batch('cut', 0, ['warm']))
    const lost = batch('cut', 0, ['a', 'b'])
    const cut = proxy.cutReply(kafkaReply(PRODUCE))
    const [first] = await publisher.send(lost, never)
    await cut
    expect(first).toMatchObject({ status: 'unknown', error: { code: 'CONNECTION_LOST', retryable: true } })
    expect(storedPositions(await publish(publisher, lost))).toEqual([1, 2])
    expect(storedPositions(await publish(publisher, batch('cut', 0, ['c'])))).toEqual([3])
    expect(await logOf('cut')).toEqual(['warm', 'a', 'b', 'c'])
  })

  it('trap 22: makes kafkajs acknowledge the next batch and lose it, when the first is given up', async () => {
    await transport.declare(topology('naive-abandon'))
    const producer = naive().producer({ idempotent: true })
    await producer.connect()
    const send = (value: string) =>
      producer.send({ topic: 'naive-abandon', acks: -1, messages: [{ partition: 0, value }] })
    await send('warm')
    const cut = proxy.cutReply(kafkaReply(PRODUCE), 3)
    await expect(send('given up')).rejects.toMatchObject({ name: 'KafkaJSNumberOfRetriesExceeded' })
    await cut
    await expect(send('acknowledged')).resolves.toMatchObject([{ errorCode: 0 }])
    await producer.disconnect()
    expect(await logOf('naive-abandon')).toEqual(['warm', 'given up'])
  })

  it('trap 22: loses nothing of what comes after a batch that we give up', async () => {
    await transport.declare(topology('abandon'))
    await publish(publisher, batch('abandon', 0, ['warm']))
    await publish(publisher, batch('abandon', 1, ['warm']))
    const givenUp = batch('abandon', 0, ['given up'])
    const cut = proxy.cutReply(kafkaReply(PRODUCE))
    expect((await publisher.send(givenUp, never))[0]?.status).toBe('unknown')
    await cut
    publisher.abandon(givenUp)
    expect(storedPositions(await publish(publisher, batch('abandon', 0, ['next'])))).toEqual([2])
    expect(storedPositions(await publish(publisher, batch('abandon', 1, ['other partition'])))).toEqual([1])
    expect(await logOf('abandon')).toEqual(['warm', 'given up', 'next'])
  })

  it('trap 2: loses and doubles nothing under many batches at once', async () => {
    await transport.declare(topology('many'))
    const cut = proxy.cutReply(kafkaReply(PRODUCE), 5)
    const run = async (partition: number): Promise<void> => {
      for (let i = 0; i < 40; i++)
        storedPositions(await publish(publisher, batch('many', partition, [`${i}`])))
    }
    await Promise.all([run(0), run(1), run(2)])
    await cut
    expect(await logOf('many')).toEqual(Array.from({ length: 40 }, (_, i) => `${i}`))
  })
})

describe('an acknowledgement', () => {
  it('trap 6: that the broker took but did not answer fails as retryable, and can be repeated', async () => {
    await transport.declare(topology('lost-commit'))
    await publish(publisher, batch('lost-commit', 0, ['a']))
    const { consumer, membership } = await consume('lost-commit')
    await until(() => membership.bodies(0).length === 1)
    const cut = proxy.cutReply(kafkaReply(OFFSET_COMMIT))
    const acknowledge = () =>
      consumer.acknowledge(0, membership.epochOf(0), { next: 1, finished: [0], record: '' })
    await expect(acknowledge()).rejects.toMatchObject({ code: 'ACKNOWLEDGE_FAILED', retryable: true })
    await cut
    await acknowledge()
    await expect(transport.inspect(topology('lost-commit'), 'billing')).resolves.toContainEqual({
      partition: 0,
      messages: 0,
    })
  })

  it('trap 6: is dropped in silence by kafkajs once it is stopping', async () => {
    await transport.declare(topology('naive-stop'))
    await publish(publisher, batch('naive-stop', 0, ['a']))
    const consumer = naive().consumer({ groupId: 'naive-stop', maxWaitTimeInMs: 100 })
    await consumer.connect()
    await consumer.subscribe({ topic: 'naive-stop', fromBeginning: true })
    let handled = false
    await consumer.run({ autoCommit: false, eachMessage: async () => void (handled = true) })
    await until(() => handled)
    const stopping = consumer.stop()
    await expect(
      consumer.commitOffsets([{ topic: 'naive-stop', partition: 0, offset: '1' }]),
    ).resolves.toBeUndefined()
    await stopping
    await consumer.disconnect()
    const admin = naive().admin()
    await admin.connect()
    const [{ partitions } = { partitions: [] }] = await admin.fetchOffsets({
      groupId: 'naive-stop',
      topics: ['naive-stop'],
    })
    await admin.disconnect()
    expect(partitions.find(({ partition }) => partition === 0)?.offset ?? '-1').toBe('-1')
  })
})

describe('an error out of the consumer path', () => {
  it('trap 4: ends a kafkajs consumer for good when it is a TypeError', async () => {
    await transport.declare(topology('naive-crash'))
    await publish(publisher, batch('naive-crash', 0, ['a']))
    const consumer = naive().consumer({ groupId: 'naive-crash' })
    await consumer.connect()
    await consumer.subscribe({ topic: 'naive-crash', fromBeginning: true })
    const crashed = new Promise<boolean>(
      (resolve) => void consumer.on('consumer.crash', ({ payload }) => resolve(payload.restart)),
    )
    await consumer.run({
      eachMessage: async () => {
        throw new TypeError('a bug')
      },
    })
    expect(await crashed).toBe(false)
    await consumer.disconnect()
  })

  it('trap 4: is told to the engine as an end, when the engine itself throws', async () => {
    await transport.declare(topology('engine-bug'))
    await publish(publisher, batch('engine-bug', 0, ['a']))
    const membership = recordingMembership()
    const broken = {
      ...membership,
      records: () => {
        throw new TypeError('a bug')
      },
    }
    const consumer = await transport.openConsumer(
      { topic: topology('engine-bug'), group: 'billing', memberId: 'm', handlerTimeoutMs: 1_000 },
      broken,
    )
    consumers.push(consumer)
    await until(() => membership.failures.length === 1)
    expect(membership.failures[0]).toMatchObject({ code: 'CONSUMER_ENDED' })
  })
})

describe('an outage', () => {
  it('that is a broker restart ends with publisher and consumer back, nothing lost and nothing doubled', async () => {
    await transport.declare(topology('restart'))
    const { membership } = await consume('restart')
    await publish(publisher, batch('restart', 0, ['before']))
    await until(() => membership.bodies(0).length === 1)
    surroundings.states.length = 0
    await broker.kill()
    const during = publish(publisher, batch('restart', 0, ['during']), 60_000)
    await until(() =>
      surroundings.states.some(({ name, state }) => name === 'publisher' && state === 'disconnected'),
    )
    await until(() =>
      surroundings.states.some(({ name, state }) => name.startsWith('consumer') && state === 'disconnected'),
    )
    await broker.restart()
    storedPositions(await during)
    storedPositions(await publish(publisher, batch('restart', 0, ['after']), 30_000))
    await until(() => membership.bodies(0).includes('after'), 30_000)
    expect([...new Set(membership.bodies(0))]).toEqual(['before', 'during', 'after'])
    expect(surroundings.states.filter(({ name }) => name === 'publisher').at(-1)?.state).toBe('connected')
    expect(await logOf('restart')).toEqual(['before', 'during', 'after'])
  }, 120_000)

  it('that is a black hole is left within the request timeout once it is over', async () => {
    await transport.declare(topology('hole'))
    await publish(publisher, batch('hole', 0, ['a']))
    proxy.blackhole('both')
    const [outcome] = await publisher.send(batch('hole', 0, ['lost']), AbortSignal.timeout(8_000))
    expect(outcome?.status).toBe('unknown')
    proxy.clear()
    const start = performance.now()
    storedPositions(await publish(publisher, batch('hole', 1, ['b'])))
    expect(performance.now() - start).toBeLessThan(5_000)
  }, 60_000)

  it('does not keep a publish past its signal', async () => {
    await transport.declare(topology('signal'))
    proxy.blackhole('both')
    const start = performance.now()
    await publisher.send(batch('signal', 0, ['a']), AbortSignal.timeout(300))
    expect(performance.now() - start).toBeLessThan(1_000)
  })
})
