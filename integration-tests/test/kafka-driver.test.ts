import { connect, defineTopic } from '@waybill/core'
import { kafka } from '@waybill/kafka'
import type { Transport, TransportConsumer, TransportPublisher } from '@waybill/core/spi'
import {
  type BrokerEnvironment,
  createEnvironment,
  type KafkaHandle,
} from '@waybill/integration-tests/environment'
import { Kafka, logLevel } from 'kafkajs'
import { setTimeout as sleep } from 'node:timers/promises'
import {
  batch,
  context,
  publish,
  recordingMembership,
  storedPositions,
  topology,
  until,
} from './kafka-support.js'

jest.setTimeout(60_000)

let environment: BrokerEnvironment
let broker: KafkaHandle
let transport: Transport
let publisher: TransportPublisher
const consumers: TransportConsumer[] = []

beforeAll(async () => {
  environment = await createEnvironment()
  broker = await environment.kafka()
  transport = kafka({ brokers: broker.brokers })
  await transport.connect(context())
  publisher = await transport.openPublisher()
}, 180_000)

afterEach(async () => {
  await Promise.all(consumers.splice(0).map((consumer) => consumer.leave()))
})

afterAll(async () => {
  await publisher?.close()
  await transport?.close()
  await environment?.stop()
}, 60_000)

const consume = async (topic: string, membership = recordingMembership()) => {
  const consumer = await transport.openConsumer(
    { topic: topology(topic), group: 'billing', memberId: 'm', handlerTimeoutMs: 5_000 },
    membership,
  )
  consumers.push(consumer)
  return { consumer, membership }
}

describe('the Kafka driver', () => {
  it('creates the topic and says what the broker takes', async () => {
    const declared = await transport.declare(topology('created'))
    expect(declared).toEqual({ partitions: 3, maxBatchBytes: 1_048_588, maxMessageBytes: 1_048_527 })
    await expect(transport.declare(topology('created'))).resolves.toEqual(declared)
  })

  it('stores a batch at consecutive positions and hands the same bytes out', async () => {
    await transport.declare(topology('bytes'))
    const first = await publish(publisher, batch('bytes', 0, ['a', 'b']))
    const second = await publish(publisher, batch('bytes', 0, ['c']))
    expect(storedPositions([...first, ...second])).toEqual([0, 1, 2])
    const { membership } = await consume('bytes')
    await until(() => membership.bodies(0).length === 3)
    expect(membership.bodies(0)).toEqual(['a', 'b', 'c'])
    const [record] = membership.recordsOf(0)
    expect(record?.attributes).toEqual({
      id: 'id-a',
      type: 'test',
      source: 'tests',
      timeMs: 1_700_000_000_123,
      contentType: 'text/plain',
    })
    expect(record?.key).toEqual(Buffer.from('key'))
  })

  it('hands the committed position and its record back with the next assignment', async () => {
    await transport.declare(topology('progress'))
    await publish(publisher, batch('progress', 1, ['a', 'b', 'c']))
    const { consumer, membership } = await consume('progress')
    await until(() => membership.bodies(1).length === 3)
    const record = 'x'.repeat(4_096)
    await consumer.acknowledge(1, membership.epochOf(1), { next: 2, finished: [0, 1], record })
    await consumer.leave()
    consumers.length = 0
    const next = await consume('progress')
    await until(() => next.membership.bodies(1).length === 1)
    expect(next.membership.assignmentOf(1)).toMatchObject({ position: 2, record })
    expect(next.membership.assignmentOf(1)?.logId).toBe(membership.assignmentOf(1)?.logId)
    expect(next.membership.bodies(1)).toEqual(['c'])
    await expect(transport.inspect(topology('progress'), 'billing')).resolves.toContainEqual({
      partition: 1,
      messages: 1,
    })
  })

  it('reads nothing of a paused partition, and everything after it is resumed', async () => {
    await transport.declare(topology('paused'))
    const { consumer, membership } = await consume('paused')
    consumer.pause?.(0)
    await publish(publisher, batch('paused', 0, ['a']))
    await publish(publisher, batch('paused', 1, ['b']))
    await until(() => membership.bodies(1).length === 1)
    expect(membership.bodies(0)).toEqual([])
    consumer.resume?.(0)
    await until(() => membership.bodies(0).length === 1)
  })
})

describe('a consumer that has paused everything', () => {
  it('trap 8: reads at once when it is resumed', async () => {
    await transport.declare(topology('resumed'))
    const { consumer, membership } = await consume('resumed')
    const waitedMs: number[] = []
    for (let round = 1; round <= 5; round++) {
      for (const { partition } of membership.assignments) consumer.pause?.(partition)
      await publish(publisher, batch('resumed', 0, [`${round}`]))
      // Every poll that was under way is over: they last 200 ms.
      await sleep(500)
      expect(membership.bodies(0)).toHaveLength(round - 1)
      const since = performance.now()
      consumer.resume?.(0)
      await until(() => membership.bodies(0).length === round)
      waitedMs.push(performance.now() - since)
    }
    expect(waitedMs.toSorted((a, b) => a - b)[2]).toBeLessThan(300)
  })

  it('trap 8: sleeps for seconds through a resume, when it is one of kafkajs', async () => {
    await transport.declare(topology('naive-resumed'))
    const client = new Kafka({ brokers: [...broker.brokers], logLevel: logLevel.NOTHING })
    const consumer = client.consumer({ groupId: 'naive-resumed' })
    const got: string[] = []
    let polls = 0
    let isPolling = false
    consumer.on('consumer.fetch_start', () => {
      polls++
      isPolling = true
    })
    consumer.on('consumer.fetch', () => {
      isPolling = false
    })
    await consumer.connect()
    await consumer.subscribe({ topic: 'naive-resumed', fromBeginning: true })
    await consumer.run({ eachMessage: async ({ message }) => void got.push(String(message.value)) })
    await publish(publisher, batch('naive-resumed', 0, ['a']))
    await until(() => got.length === 1 && isPolling)
    const before = polls
    consumer.pause([{ topic: 'naive-resumed' }])
    await publish(publisher, batch('naive-resumed', 0, ['b']))
    // The poll that was under way is over, and there is nothing to read in the next one.
    await until(() => polls > before)
    const since = performance.now()
    consumer.resume([{ topic: 'naive-resumed' }])
    await until(() => got.length === 2)
    expect(performance.now() - since).toBeGreaterThan(1_000)
    await consumer.disconnect()
  })
})

describe('a partition whose handler is slow', () => {
  it('trap 8: holds up no other of its broker', async () => {
    const topic = defineTopic<string>({
      name: 'slow',
      key: (text) => text,
      partitions: 3,
      groups: ['billing'],
    })
    const bus = await connect({ transport: kafka({ brokers: broker.brokers }) })
    let finish = (): void => undefined
    const finished = new Promise<void>((resolve) => {
      finish = resolve
    })
    const handled: { text: string; partition: number }[] = []
    let slow: number | undefined
    await bus.subscribe(topic, { group: 'billing' }, async ({ value: text, partition }) => {
      if (text === 'slow') {
        slow = partition
        await finished
      }
      handled.push({ text, partition })
    })
    await bus.publish(topic, 'slow')
    await until(() => slow !== undefined)
    const texts = Array.from({ length: 50 }, (_, n) => `${n}`)
    for (const text of texts) await bus.publish(topic, text)
    await until(() => handled.length === texts.length)
    expect(new Set(handled.map(({ partition }) => partition)).size).toBe(3)
    finish()
    await bus.close()
    expect(handled.at(-1)).toEqual({ text: 'slow', partition: slow })
  })
})
