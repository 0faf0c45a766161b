import type { TopicTopology } from '@waybill/core/spi'
import { declareRaw, groupOf, topicOf } from './rabbitmq-harness.js'
import { useRabbitmq } from './rabbitmq-site.js'

describe('declaring a topic on RabbitMQ', () => {
  const site = useRabbitmq()

  const declaring = async (topic: TopicTopology): Promise<unknown> => {
    const transport = await site.connected()
    return transport.declare(topic)
  }

  it('can be done again, and from two processes at once', async () => {
    const topic = topicOf('twice', { partitions: 4 })
    const declared = { partitions: 4, maxMessageBytes: (site.major >= 4 ? 16 : 128) * 1_048_576 }
    expect(await Promise.all([declaring(topic), declaring(topic)])).toMatchObject([declared, declared])
    expect(await declaring(topic)).toMatchObject(declared)
  })

  it('refuses a queue with other arguments, naming it and what differs', async () => {
    const channel = await site.naive.createChannel()
    await channel.assertQueue('classic.billing.0', { durable: true })
    await expect(declaring(topicOf('classic'))).rejects.toMatchObject({
      name: 'TopologyError',
      code: 'TOPOLOGY_CONFLICT',
      message: expect.stringMatching(/queue classic\.billing\.0 has x-[a-z-]+ none/) as string,
    })
    await channel.close()
  })

  it('refuses an exchange of another type', async () => {
    const channel = await site.naive.createChannel()
    await channel.assertExchange('shouting', 'fanout')
    const topic = topicOf('shouting', { groups: [groupOf('billing', { acceptMissingBacklog: true })] })
    await expect(declaring(topic)).rejects.toMatchObject({
      code: 'TOPOLOGY_CONFLICT',
      message: expect.stringMatching(/exchange shouting.*fanout/) as string,
    })
    await channel.close()
  })

  it('refuses another number of partitions, fewer and more', async () => {
    await declaring(topicOf('sized', { partitions: 3 }))
    for (const partitions of [2, 4]) {
      await expect(declaring(topicOf('sized', { partitions }))).rejects.toMatchObject({
        code: 'TOPOLOGY_CONFLICT',
        message: expect.stringContaining(`${partitions} are declared`) as string,
      })
    }
  })

  it('calls queues weaker than the cluster can give weak, unless taken as they are', async () => {
    const channel = await site.naive.createChannel()
    await declareRaw(channel, 'weak.billing.0', {
      'x-single-active-consumer': true,
      'x-quorum-initial-group-size': 1,
    })
    await expect(declaring(topicOf('weak'))).rejects.toMatchObject({ code: 'DURABILITY_WEAK' })
    await expect(declaring(topicOf('weak', { durability: 'as-is' }))).resolves.toMatchObject({
      partitions: 1,
    })
    await channel.close()
  })

  it('refuses a group that would miss the backlog, unless that is accepted', async () => {
    await declaring(topicOf('late'))
    const add = (over: Partial<ReturnType<typeof groupOf>>): TopicTopology =>
      topicOf('late', { groups: [groupOf('billing'), groupOf('shipping', over)] })
    await expect(declaring(add({}))).rejects.toMatchObject({
      name: 'ConfigError',
      code: 'GROUP_MISSES_BACKLOG',
      message: expect.stringContaining('shipping') as string,
    })
    await expect(declaring(add({ from: 'latest' }))).resolves.toBeDefined()
    // It exists now.
    await expect(declaring(add({}))).resolves.toBeDefined()
  })
})
