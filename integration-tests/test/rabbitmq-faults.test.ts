import { setTimeout as sleep } from 'node:timers/promises'
import { createProxy } from '@waybill/testkit'
import { Member, Witness, batchOf, never, numbered, recordOf, topicOf, until } from './rabbitmq-harness.js'
import { useRabbitmq } from './rabbitmq-site.js'

const statuses = (outcomes: readonly { readonly status: string }[]): string[] => [
  ...new Set(outcomes.map(({ status }) => status)),
]

describe('the RabbitMQ driver through faults', () => {
  const site = useRabbitmq({ config: ['max_message_size = 1000000'] })

  it('brings publishers and consumers back after the broker was killed', async () => {
    const topic = topicOf('restarts', { partitions: 2 })
    const witness = new Witness()
    const transport = await site.connected(site.broker.url, witness)
    await transport.declare(topic)
    const publisher = await site.publisherOf(transport)
    await publisher.send(batchOf(topic.name, 0, ['before']), never)
    const [member] = await site.memberOf(transport, topic, 'member-1')
    await until('the first came', () => member.ids.includes('before'))
    await site.broker.syncQueues()
    const restarting = site.broker.restart()
    await until('the loss was noticed', () => witness.connections.get('publisher') === 'disconnected')
    const sending = publisher.send(batchOf(topic.name, 1, ['meanwhile']), never)
    await restarting
    expect(await sending).toEqual([{ status: 'stored' }])
    await until('both came', () => member.ids.includes('meanwhile'))
    // Unacknowledged before, so it comes again.
    await until('the first came again', () => member.ids.filter((id) => id === 'before').length > 1)
    expect(
      member.deliveries.findLast(({ record }) => record.attributes.id === 'before')?.record.redelivered,
    ).toBe(true)
  })

  it('survives that an operator closes every connection', async () => {
    const topic = topicOf('forced')
    const witness = new Witness()
    const transport = await site.connected(site.broker.url, witness)
    await transport.declare(topic)
    const publisher = await site.publisherOf(transport)
    const [member] = await site.memberOf(transport, topic, 'member-1')
    await site.broker.ctl('close_all_connections', 'maintenance')
    await until(
      'all are back',
      () =>
        [...witness.connections.values()].every((state) => state === 'connected') &&
        witness.states.filter((state) => state === 'publisher connected').length > 1,
    )
    await publisher.send(batchOf(topic.name, 0, ['after']), never)
    await until('it came', () => member.ids.includes('after'))
    expect(member.losses).toHaveLength(1)
  })

  it('answers within confirmTimeoutMs when confirms stop coming, and goes on when they can', async () => {
    await using proxy = await createProxy({ target: site.host })
    const topic = topicOf('hanging')
    const transport = await site.connected(site.through(proxy), new Witness(), { confirmTimeoutMs: 1_000 })
    await transport.declare(topic)
    const publisher = await site.publisherOf(transport)
    await publisher.send(batchOf(topic.name, 0, ['warm']), never)
    proxy.blackhole('both')
    const start = performance.now()
    const outcomes = await publisher.send(batchOf(topic.name, 0, numbered('m', 0, 20)), never)
    expect(statuses(outcomes)).toEqual(['unknown'])
    expect(performance.now() - start).toBeLessThan(4_000)
    proxy.clear()
    expect(await publisher.send(batchOf(topic.name, 0, ['after']), never)).toEqual([{ status: 'stored' }])
  })

  it('says that nothing was sent when the connection does not come back in time', async () => {
    await using proxy = await createProxy({ target: site.host })
    const topic = topicOf('waiting')
    const transport = await site.connected(site.through(proxy))
    await transport.declare(topic)
    const publisher = await site.publisherOf(transport)
    await proxy.down()
    const [outcome] = await publisher.send(batchOf(topic.name, 0, ['m']), AbortSignal.timeout(300))
    expect(outcome).toMatchObject({ status: expect.stringMatching(/rejected|unknown/) as string })
    const [second] = await publisher.send(batchOf(topic.name, 0, ['m']), AbortSignal.timeout(300))
    expect(second).toMatchObject({
      status: 'rejected',
      error: { code: 'BROKER_UNREACHABLE', retryable: true },
    })
    await proxy.up()
    expect(await publisher.send(batchOf(topic.name, 0, ['m']), never)).toEqual([{ status: 'stored' }])
  })

  it('works over a connection that arrives in pieces', async () => {
    await using proxy = await createProxy({ target: site.host })
    proxy.slice(7)
    const topic = topicOf('sliced')
    const transport = await site.connected(site.through(proxy))
    await transport.declare(topic)
    const publisher = await site.publisherOf(transport)
    expect(statuses(await publisher.send(batchOf(topic.name, 0, numbered('m', 0, 20)), never))).toEqual([
      'stored',
    ])
    const [member] = await site.memberOf(transport, topic, 'member-1')
    await until('all came', () => member.deliveries.length === 20)
    expect(member.ids).toEqual(numbered('m', 0, 20))
  })

  describe('while a memory alarm blocks publishers', () => {
    afterEach(() => site.broker.ctl('set_vm_memory_high_watermark', '0.6'))

    it('publishing waits, its deadline too, and consuming goes on', async () => {
      const topic = topicOf('alarm')
      const witness = new Witness()
      const transport = await site.connected(site.broker.url, witness, { confirmTimeoutMs: 500 })
      await transport.declare(topic)
      const publisher = await site.publisherOf(transport)
      await publisher.send(batchOf(topic.name, 0, ['before']), never)
      await site.broker.ctl('set_vm_memory_high_watermark', '0.000001')
      // The broker says so only when somebody publishes.
      const sending = publisher.send(batchOf(topic.name, 0, ['during']), never)
      await until('it says blocked', () => witness.connections.get('publisher') === 'blocked')
      const waiting = publisher.send(batchOf(topic.name, 0, ['waits']), never)
      const [member] = await site.memberOf(transport, topic, 'member-1')
      await until('consuming goes on', () => member.ids.includes('before'))
      await sleep(1_500)
      expect(witness.connections.get('publisher')).toBe('blocked')
      await site.broker.ctl('set_vm_memory_high_watermark', '0.6')
      expect(await sending).toEqual([{ status: 'stored' }])
      expect(await waiting).toEqual([{ status: 'stored' }])
      expect(witness.connections.get('publisher')).toBe('connected')
    })

    it('a close settles everything at once, what may be stored as unknown', async () => {
      const topic = topicOf('alarmed')
      const witness = new Witness()
      const transport = await site.connected(site.broker.url, witness)
      await transport.declare(topic)
      const publisher = await transport.openPublisher()
      await site.broker.ctl('set_vm_memory_high_watermark', '0.000001')
      const sending = publisher.send(batchOf(topic.name, 0, numbered('m', 0, 5)), never)
      await until('it says blocked', () => witness.connections.get('publisher') === 'blocked')
      const waiting = publisher.send(batchOf(topic.name, 0, ['waits']), never)
      await publisher.close()
      expect(statuses(await sending)).toEqual(['unknown'])
      expect(statuses(await waiting)).toEqual(['rejected'])
    })
  })

  it('consumes a queue again that was deleted and restored', async () => {
    const topic = topicOf('deleted')
    const witness = new Witness()
    const transport = await site.connected(site.broker.url, witness)
    await transport.declare(topic)
    const publisher = await site.publisherOf(transport)
    const [member] = await site.memberOf(transport, topic, 'member-1')
    const channel = await site.naive.createChannel()
    await channel.deleteQueue('deleted.billing.0')
    await until('the partition was lost and taken again', () => member.assignments.length === 2)
    expect(member.losses).toEqual([{ partition: 0, epoch: 1 }])
    expect(witness.raised[0]).toMatchObject({ code: 'TOPOLOGY_DRIFT' })
    await publisher.send(batchOf(topic.name, 0, ['after']), never)
    await until('it came', () => member.ids.includes('after'))
    await channel.close()
  })

  it('gives a partition up in order before the consumer timeout takes it', async () => {
    const topic = topicOf('overdue')
    const transport = await site.connected(site.broker.url, new Witness(), { consumerTimeoutMs: 10_000 })
    expect(transport.capabilities.maxHandlerMs).toBe(10_000)
    await transport.declare(topic)
    const publisher = await site.publisherOf(transport)
    await publisher.send(batchOf(topic.name, 0, numbered('m', 0, 3)), never)
    const member = new Member()
    const [, consumer] = await site.memberOf(transport, topic, 'member-1', member)
    await until('all came', () => member.deliveries.length === 3)
    member.onRevoking = () => consumer.acknowledge(0, 1, { next: 2, finished: [], record: '' })
    await until('it was given up', () => member.revoked.length === 1)
    await until('the rest came again', () => member.deliveries.length === 5)
    expect(member.ids.slice(3)).toEqual(['m1', 'm2'])
    expect(member.losses).toEqual([])
  })

  it('learns the broker’s limit from the first message above it, and refuses the next by itself', async () => {
    const topic = topicOf('large')
    const transport = await site.connected()
    await transport.declare(topic)
    const publisher = await site.publisherOf(transport)
    const large = {
      topic: topic.name,
      partition: 0,
      records: [recordOf('large', { body: Buffer.alloc(1_000_001) })],
    }
    const tooLarge = {
      status: 'rejected',
      error: { code: 'MESSAGE_TOO_LARGE', details: { limitBytes: 1_000_000 } },
    }
    expect(await publisher.send(large, never)).toMatchObject([tooLarge])
    expect(
      await publisher.send({ ...large, records: [recordOf('small'), ...large.records] }, never),
    ).toMatchObject([{ status: 'stored' }, tooLarge])
  })

  it('refuses what AMQP cannot carry without harm to its neighbours', async () => {
    const topic = topicOf('odd')
    const transport = await site.connected()
    await transport.declare(topic)
    const publisher = await site.publisherOf(transport)
    const { attributes } = recordOf('x')
    const records = [
      recordOf('good'),
      recordOf('id', { attributes: { ...attributes, id: 'x'.repeat(300) } }),
      recordOf('name', { headers: [['n'.repeat(256), 'v']] }),
      recordOf('huge', { headers: [['h', 'v'.repeat(70_000)]] }),
      recordOf('routing', { headers: [['CC', 'elsewhere']] }),
      recordOf('twice', {
        headers: [
          ['a', '1'],
          ['a', '2'],
        ],
      }),
      recordOf('odd names are fine', {
        headers: [
          ['__proto__', 'a'],
          ['constructor', 'b'],
        ],
      }),
    ]
    const outcomes = await publisher.send({ topic: topic.name, partition: 0, records }, never)
    const codes = outcomes.map((outcome) => (outcome.status === 'stored' ? 'stored' : outcome.error.code))
    expect(codes).toEqual([
      'stored',
      'MESSAGE_INVALID',
      'HEADER_INVALID',
      'HEADER_INVALID',
      'HEADER_INVALID',
      'HEADER_INVALID',
      'stored',
    ])
  })
})
