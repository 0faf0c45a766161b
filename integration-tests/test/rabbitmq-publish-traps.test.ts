import { Socket } from 'node:net'
import { createProxy } from '@waybill/testkit'
import {
  Witness,
  batchOf,
  declareRaw,
  groupOf,
  never,
  numbered,
  raw,
  topicOf,
  until,
} from './rabbitmq-harness.js'
import { useRabbitmq } from './rabbitmq-site.js'

/**
 * What raw clients get wrong, each shown first, and then that the driver does not. The numbers are those of
 * the collection of traps that the driver's rules come from.
 */
describe('the traps of publishing to RabbitMQ', () => {
  const site = useRabbitmq()

  it('9: a lone confirm does not wait for Nagle’s algorithm', async () => {
    const noDelay = jest.spyOn(Socket.prototype, 'setNoDelay')
    const careless = await raw(site.broker.url)
    expect(noDelay.mock.calls).toEqual([[false]])
    await careless.close()

    noDelay.mockClear()
    const transport = await site.connected()
    expect(noDelay.mock.calls).toEqual([[true]])
    noDelay.mockRestore()
    const topic = topicOf('nagle')
    await transport.declare(topic)
    const publisher = await site.publisherOf(transport)
    const took: number[] = []
    for (const id of numbered('m', 0, 30)) {
      const start = performance.now()
      await publisher.send(batchOf(topic.name, 0, [id]), never)
      took.push(performance.now() - start)
    }
    expect(took.toSorted((a, b) => a - b)[15]).toBeLessThan(30)
  })

  it('10: a lost connection leaves messages unknown, not failed: the broker has them', async () => {
    await using proxy = await createProxy({ target: site.host })
    const url = site.through(proxy)
    const careless = await raw(url)
    const channel = await careless.createConfirmChannel()
    channel.on('error', () => undefined)
    await declareRaw(channel, 'lost')
    proxy.blackhole('down')
    const failures: unknown[] = []
    for (const id of numbered('m', 0, 100))
      channel.sendToQueue('lost', Buffer.from(id), { persistent: true }, (error) => failures.push(error))
    const other = await site.naive.createChannel()
    await until('the broker has them', async () => (await other.checkQueue('lost')).messageCount === 100)
    proxy.reset()
    proxy.clear()
    await until('all failed', () => failures.length === 100)
    expect(failures.every((error) => error instanceof Error)).toBe(true)

    const transport = await site.connected(url)
    const topic = topicOf('unknown')
    await transport.declare(topic)
    const publisher = await site.publisherOf(transport)
    proxy.blackhole('down')
    const sending = publisher.send(batchOf(topic.name, 0, numbered('m', 0, 100)), never)
    await until(
      'the broker has them',
      async () => (await other.checkQueue('unknown.billing.0')).messageCount === 100,
    )
    proxy.reset()
    proxy.clear()
    const outcomes = await sending
    expect(new Set(outcomes.map(({ status }) => status))).toEqual(new Set(['unknown']))
    expect(await publisher.send(batchOf(topic.name, 0, ['after']), never)).toEqual([{ status: 'stored' }])
    await other.close()
  })

  it('11: a message that reached no queue is rejected, and its topic repaired', async () => {
    const channel = await site.naive.createConfirmChannel()
    await channel.assertExchange('nowhere', 'direct')
    channel.publish('nowhere', '0', Buffer.from('lost'), { persistent: true })
    await expect(channel.waitForConfirms()).resolves.toBeDefined()

    const witness = new Witness()
    const transport = await site.connected(site.broker.url, witness)
    const topic = topicOf('unroutable')
    await transport.declare(topic)
    const publisher = await site.publisherOf(transport)
    await channel.deleteQueue('unroutable.billing.0')
    const outcomes = await publisher.send(batchOf(topic.name, 0, ['a', 'b']), never)
    const codes = outcomes.map((outcome) => outcome.status === 'rejected' && outcome.error.code)
    expect(codes).toEqual(['UNROUTABLE', 'UNROUTABLE'])
    await until('the queue is back', () => witness.problems.has('TOPOLOGY_DRIFT topic unroutable'))
    await until(
      'it takes messages',
      async () => (await publisher.send(batchOf(topic.name, 0, ['c']), never))[0]?.status === 'stored',
    )
    await channel.close()
  })

  it('23: a missing queue of one group among several is found, reported and restored', async () => {
    const witness = new Witness()
    const transport = await site.connected(site.broker.url, witness)
    const topic = topicOf('drift', { groups: [groupOf('billing'), groupOf('shipping')] })
    await transport.declare(topic)
    const publisher = await site.publisherOf(transport)
    const channel = await site.naive.createConfirmChannel()
    let returns = 0
    channel.on('return', () => returns++)
    await channel.deleteQueue('drift.shipping.0')
    channel.publish('drift', '0', Buffer.from('half lost'), { persistent: true, mandatory: true })
    await channel.waitForConfirms()
    expect(returns).toBe(0)

    await until('the drift is reported', () => witness.problems.has('TOPOLOGY_DRIFT topic drift'))
    expect(witness.problems.get('TOPOLOGY_DRIFT topic drift')?.message).toContain('queue drift.shipping.0')
    await until('it gets messages again', async () => {
      await publisher.send(batchOf(topic.name, 0, ['whole']), never)
      const [backlog] = await transport.inspect(topic, 'shipping').catch(() => [])
      return (backlog?.messages ?? 0) > 0
    })
    await until('the problem is over', () => !witness.problems.has('TOPOLOGY_DRIFT topic drift'))
    await channel.close()
  })
})
