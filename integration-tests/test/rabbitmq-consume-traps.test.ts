import { setTimeout as sleep } from 'node:timers/promises'
import { connect, defineTopic } from '@waybill/core'
import { rabbitmq } from '@waybill/rabbitmq'
import { createProxy } from '@waybill/testkit'
import {
  Member,
  batchOf,
  declareRaw,
  fill,
  hold,
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
describe('the traps of consuming from RabbitMQ', () => {
  const site = useRabbitmq()

  it('12: an acknowledgement of a channel that is gone does not acknowledge somebody else’s message', async () => {
    const first = await site.naive.createChannel()
    await declareRaw(first, 'stale')
    await fill(site.naive, 'stale', ['a', 'b'])
    const held = await hold(first, 'stale', 1)
    await until('one came', () => held.messages.length === 1)
    await first.close()
    const second = await site.naive.createChannel()
    const again = await hold(second, 'stale', 2)
    await until('both came', () => again.messages.length === 2)
    second.ack(held.messages[0]!)
    await second.close()
    const third = await site.naive.createChannel()
    const left = async (): Promise<number> => (await third.checkQueue('stale')).messageCount
    await until('the rest is back', async () => (await left()) > 0)
    expect(await left()).toBe(1)
    await third.close()

    await using proxy = await createProxy({ target: site.host })
    const transport = await site.connected(site.through(proxy))
    const topic = topicOf('epochs')
    await transport.declare(topic)
    const publisher = await site.publisherOf(transport)
    await publisher.send(batchOf(topic.name, 0, ['a', 'b']), never)
    const [member, consumer] = await site.memberOf(transport, topic, 'member-1')
    await until('both came', () => member.deliveries.length === 2)
    proxy.reset()
    await until('both came again', () => member.deliveries.length === 4)
    expect(member.losses).toEqual([{ partition: 0, epoch: member.deliveries[0]?.epoch }])
    await consumer.acknowledge(0, member.deliveries[0]!.epoch, { next: 3, finished: [], record: '' })
    await consumer.leave()
    const [next] = await site.memberOf(transport, topic, 'member-2')
    await until('nothing was lost', () => next.deliveries.length === 2)
    expect(next.ids).toEqual(['a', 'b'])
  })

  it('13 and 18: the broker drops nothing, however often a message comes back', async () => {
    const channel = await site.naive.createChannel()
    // From 4.0 on a queue without a limit drops after 20 deliveries; before, "no limit" drops at once.
    const careless = site.major >= 4 ? undefined : -1
    await declareRaw(channel, 'dropping', { 'x-delivery-limit': careless })
    const transport = await site.connected()
    await transport.declare(topicOf('keeping'))
    for (const queue of ['dropping', 'keeping.billing.0']) {
      await fill(site.naive, queue, numbered('m', 0, 5))
      for (let round = 0; round < 30; round++) {
        const victim = await site.naive.createChannel()
        const held = await hold(victim, queue, 5)
        if (queue !== 'dropping') await until('all came', () => held.texts.length === 5)
        else if (round < 15 && site.major >= 4) await until('all came', () => held.texts.length === 5)
        else await sleep(20)
        await victim.close()
      }
    }
    const count = async (queue: string): Promise<number> => (await channel.checkQueue(queue)).messageCount
    await until('the careless queue has lost some', async () => (await count('dropping')) < 5)
    const last = await hold(channel, 'keeping.billing.0', 5)
    await until('all are there', () => last.texts.length === 5)
    expect(last.texts).toEqual(numbered('m', 0, 5))
    await channel.close()
  })

  it('16: acknowledging one partition leaves another’s unfinished message alone', async () => {
    const channel = await site.naive.createChannel()
    for (const queue of ['shared.0', 'shared.1']) {
      await declareRaw(channel, queue)
      await fill(site.naive, queue, ['m'])
    }
    const slow = await hold(channel, 'shared.0', 10)
    await until('the slow one came', () => slow.messages.length === 1)
    const quick = await hold(channel, 'shared.1', 10)
    await until('the quick one came', () => quick.messages.length === 1)
    channel.ack(quick.messages[0]!, true)
    await channel.close()
    const other = await site.naive.createChannel()
    expect((await other.checkQueue('shared.0')).messageCount).toBe(0)
    await other.close()

    const transport = await site.connected()
    const topic = topicOf('apart', { partitions: 2 })
    await transport.declare(topic)
    const publisher = await site.publisherOf(transport)
    for (const partition of [0, 1])
      await publisher.send(batchOf(topic.name, partition, [`m${partition}`]), never)
    const [member, consumer] = await site.memberOf(transport, topic, 'member-1')
    await until('both came', () => member.deliveries.length === 2)
    const { epoch } = member.deliveries.find(({ partition }) => partition === 1)!
    await consumer.acknowledge(1, epoch, { next: 2, finished: [], record: '' })
    await consumer.leave()
    const [next] = await site.memberOf(transport, topic, 'member-2')
    await until('the unfinished one came again', () => next.deliveries.length === 1)
    expect(next.ids).toEqual(['m0'])
  })

  it('17: a member that leaves with unfinished messages hands them over in order', async () => {
    const leaver = await site.naive.createChannel()
    await declareRaw(leaver, 'cancelling', { 'x-single-active-consumer': true })
    await fill(site.naive, 'cancelling', numbered('', 0, 10))
    const held = await hold(leaver, 'cancelling', 5)
    await until('five came', () => held.messages.length === 5)
    const follower = await site.naive.createChannel()
    const next = await hold(follower, 'cancelling', 10)
    await leaver.cancel(held.consumerTag)
    await until('the next member got some', () => next.texts.length === 5)
    await leaver.close()
    await until('the next member got all', () => next.texts.length === 10)
    expect(next.texts).toEqual([...numbered('', 5, 10), ...numbered('', 0, 5)])
    await follower.close()

    const transport = await site.connected()
    const topic = topicOf('leaving', { window: 5 })
    await transport.declare(topic)
    const publisher = await site.publisherOf(transport)
    await publisher.send(batchOf(topic.name, 0, numbered('', 0, 10)), never)
    const [first, consumer] = await site.memberOf(transport, topic, 'member-1')
    await until('five came', () => first.deliveries.length === 5)
    const second = new Member()
    const [, follow] = await site.memberOf(await site.connected(), topic, 'member-2', second)
    await consumer.leave()
    await until('the next member got some', () => second.deliveries.length === 5)
    await follow.acknowledge(0, second.deliveries[0]!.epoch, { next: 6, finished: [], record: '' })
    await until('the next member got all', () => second.deliveries.length === 10)
    expect(second.ids).toEqual(numbered('', 0, 10))
  })

  it('19: a nack with requeue permutes the order, which is why none is ever sent', async () => {
    const channel = await site.naive.createChannel()
    await declareRaw(channel, 'nacking')
    await fill(site.naive, 'nacking', numbered('', 0, 20))
    const held = await hold(channel, 'nacking', 5)
    await until('five came', () => held.messages.length === 5)
    channel.nack(held.messages[0]!, false, true)
    channel.nack(held.messages[3]!, false, true)
    await channel.close()
    const other = await site.naive.createChannel()
    const after = await hold(other, 'nacking', 20)
    await until('all came', () => after.texts.length === 20)
    expect(after.texts).not.toEqual(numbered('', 0, 20))
    await other.close()
  })

  it('20: order survives two crashes in a row, because every member has the same window', async () => {
    const channel = await site.naive.createChannel()
    await declareRaw(channel, 'windows', { 'x-single-active-consumer': true })
    await fill(site.naive, 'windows', numbered('', 0, 24))
    for (const prefetch of [12, 4]) {
      const victim = await raw(site.broker.url)
      const held = await hold(await victim.createChannel(), 'windows', prefetch)
      await until('its window is full', () => held.texts.length === prefetch)
      await victim.close()
    }
    const last = await hold(channel, 'windows', 24)
    await until('all came', () => last.texts.length === 24)
    expect(last.texts).not.toEqual(numbered('', 0, 24))
    await channel.close()

    const topic = topicOf('crashes', { window: 12 })
    const transport = await site.connected()
    await transport.declare(topic)
    const publisher = await site.publisherOf(transport)
    await publisher.send(batchOf(topic.name, 0, numbered('', 0, 12)), never)
    for (const name of ['member-1', 'member-2']) {
      await using proxy = await createProxy({ target: site.host })
      const doomed = await site.connected(site.through(proxy))
      await doomed.declare(topic)
      const [member] = await site.memberOf(doomed, topic, name)
      await until('its window is full', () => member.deliveries.length === 12)
      await proxy.down()
    }
    const [survivor] = await site.memberOf(transport, topic, 'member-3')
    await until('all came', () => survivor.deliveries.length === 12)
    expect(survivor.ids).toEqual(numbered('', 0, 12))
  })

  it('21: a member that joins while others hold messages stops nothing', async () => {
    const before = await site.naive.createChannel()
    await declareRaw(before, 'superseded', { 'x-single-active-consumer': true })
    await fill(site.naive, 'superseded', numbered('', 0, 10))
    const held = await hold(before, 'superseded', 20, { priority: 1 })
    await until('ten came', () => held.texts.length === 10)
    for (const message of held.messages.slice(1)) before.ack(message)
    const joining = await site.naive.createChannel()
    const joined = await hold(joining, 'superseded', 20, { priority: 2 })
    await fill(site.naive, 'superseded', numbered('', 10, 20))
    await sleep(2_000)
    // From 4.0 on nobody gets anything; before, who came first goes on.
    expect([held.texts.length, joined.texts.length]).toEqual(site.major >= 4 ? [10, 0] : [20, 0])
    await before.close()
    await until('the rest came', () => joined.texts.length === 11)
    expect(joined.texts).toEqual(['0', ...numbered('', 10, 20)])
    await joining.close()

    const partitions = [0, 1, 2, 3, 4, 5, 6, 7]
    const topic = topicOf('joining', { partitions: partitions.length })
    const transport = await site.connected()
    expect(transport.capabilities.rebalancesOnJoin).toBe(site.major >= 4)
    await transport.declare(topic)
    const publisher = await site.publisherOf(transport)
    for (const partition of partitions)
      await publisher.send(batchOf(topic.name, partition, numbered(`${partition}-`, 0, 5)), never)
    const [old, consumer] = await site.memberOf(transport, topic, 'member-1')
    await until('all came', () => old.deliveries.length === 5 * partitions.length)
    // One message of each partition stays unfinished, as a key that waits for its retry does.
    for (const { partition, epoch } of old.assignments)
      await consumer.acknowledge(partition, epoch, { next: 1, finished: [2, 3, 4, 5], record: '' })
    const [young] = await site.memberOf(transport, topic, 'member-2')
    for (const partition of partitions)
      await publisher.send(batchOf(topic.name, partition, numbered(`${partition}-`, 5, 10)), never)
    const seen = (): Set<string> => new Set([...old.ids, ...young.ids])
    await until('everything came to somebody', () => seen().size === 10 * partitions.length, 8_000)
    const moved = new Set(young.deliveries.map(({ partition }) => partition))
    expect(moved.size > 0).toBe(site.major >= 4)
    expect(new Set(old.revoked.map(({ partition }) => partition))).toEqual(moved)
    for (const partition of moved) {
      const ids = young.deliveries
        .filter((delivery) => delivery.partition === partition)
        .map(({ record }) => record.attributes.id)
      expect(ids).toEqual([`${partition}-0`, ...numbered(`${partition}-`, 5, 10)])
    }
  })

  it('24: deliveries that no handler saw are no attempts', async () => {
    const transport = rabbitmq({ url: site.broker.url })
    const bus = await connect({ transport })
    const topic = defineTopic<string>({ name: 'attempts', groups: ['billing'], partitions: 1 })
    for (const id of numbered('m', 0, 5)) await bus.publish(topic, id, { id })
    const channel = await site.naive.createChannel()
    const held = await hold(channel, 'attempts.billing.0', 5)
    await until('five came', () => held.messages.length === 5)
    await channel.close()
    const other = await site.naive.createChannel()
    const again = await hold(other, 'attempts.billing.0', 5)
    await until('five came again', () => again.messages.length === 5)
    expect(
      again.messages.map(({ properties }) => properties.headers?.['x-delivery-count'] as unknown),
    ).toEqual([1, 1, 1, 1, 1])
    await other.close()

    const attempts: number[] = []
    await bus.subscribe(topic, { group: 'billing' }, async (message) => void attempts.push(message.attempt))
    await until('all were handled', () => attempts.length === 5)
    expect(attempts).toEqual([1, 1, 1, 1, 1])
    await bus.close()
  })
})
