import { createEnvironment } from '@waybill/integration-tests/environment'
import type { BrokerEnvironment, RabbitmqHandle } from '@waybill/integration-tests/environment'
import { rabbitmq } from '@waybill/rabbitmq'
import type { Transport } from '@waybill/core/spi'
import {
  Member,
  Witness,
  batchOf,
  groupOf,
  never,
  numbered,
  recordOf,
  requestOf,
  topicOf,
  until,
} from './rabbitmq-harness.js'

describe('the RabbitMQ driver', () => {
  let environment: BrokerEnvironment
  let broker: RabbitmqHandle
  let transport: Transport
  let witness: Witness

  beforeAll(async () => {
    environment = await createEnvironment()
    broker = await environment.rabbitmq()
  }, 120_000)

  afterAll(() => environment.stop(), 60_000)

  beforeEach(async () => {
    witness = new Witness()
    transport = rabbitmq({ url: broker.url })
    await transport.connect(witness)
  })

  afterEach(() => transport.close())

  it('delivers every record of a partition in order, with its attributes, key and headers', async () => {
    const topic = topicOf('carries')
    await transport.declare(topic)
    const publisher = await transport.openPublisher()
    const record = recordOf('first', {
      key: Buffer.from('customer-7'),
      headers: [
        ['color', 'blue'],
        ['raw', Buffer.from([0, 255])],
        ['count', 3],
        ['nested', { list: [1, 'two', true, null] }],
      ],
    })
    const batch = { topic: topic.name, partition: 0, records: [record, recordOf('second')] }
    expect(await publisher.send(batch, never)).toEqual([{ status: 'stored' }, { status: 'stored' }])

    const member = new Member()
    const consumer = await transport.openConsumer(requestOf(topic), member)
    await until('both came', () => member.deliveries.length === 2)
    expect(member.ids).toEqual(['first', 'second'])
    const [{ record: first } = { record: undefined }] = member.deliveries
    expect(first?.attributes).toEqual(record.attributes)
    expect(Buffer.from(first?.key ?? []).toString()).toBe('customer-7')
    expect(Buffer.from(first?.body ?? []).toString()).toBe('first')
    expect(first?.position).toBe(1)
    // A table has no order.
    const headers = new Map(first?.rawHeaders.filter(([name]) => !name.startsWith('cloudEvents_')))
    expect(headers).toEqual(new Map(record.headers))
    expect(member.deliveries[1]?.record.key).toBeNull()
    await consumer.leave()
    await publisher.close()
  })

  it('gives acknowledged records to nobody else, and the others to the next member in order', async () => {
    const topic = topicOf('returns')
    await transport.declare(topic)
    const publisher = await transport.openPublisher()
    await publisher.send(batchOf(topic.name, 0, numbered('m', 0, 10)), never)
    const first = new Member()
    const consumer = await transport.openConsumer(requestOf(topic), first)
    await until('all came', () => first.deliveries.length === 10)
    const { epoch } = first.assignments[0] ?? { epoch: 0 }
    await consumer.acknowledge(0, epoch, { next: 3, finished: [5, 6], record: '' })
    await consumer.acknowledge(0, epoch, { next: 4, finished: [9], record: '' })
    expect(await transport.inspect(topic, 'billing')).toEqual([{ partition: 0, messages: 4 }])
    await consumer.leave()

    const second = new Member()
    const again = await transport.openConsumer(requestOf(topic, 'member-2'), second)
    await until('the rest came', () => second.deliveries.length === 4)
    expect(second.ids).toEqual(['m3', 'm6', 'm7', 'm9'])
    await again.leave()
    await publisher.close()
  })

  it('keeps every group’s copy, and counts what each still has', async () => {
    const topic = topicOf('copies', { partitions: 3, groups: [groupOf('billing'), groupOf('shipping')] })
    expect(await transport.declare(topic)).toMatchObject({ partitions: 3 })
    const publisher = await transport.openPublisher()
    for (const partition of [0, 1, 2])
      await publisher.send(batchOf(topic.name, partition, numbered('m', 0, partition)), never)
    for (const group of ['billing', 'shipping']) {
      const backlog = await transport.inspect(topic, group)
      expect(backlog).toEqual([0, 1, 2].map((partition) => ({ partition, messages: partition })))
    }
    await publisher.close()
  })
})
