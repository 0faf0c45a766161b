import { EventEmitter } from 'node:events'
import { PassThrough } from 'node:stream'
import { silentLogger } from '@waybill/core/spi'
import type { Batch, GroupTopology, Outcome, TransportContext } from '@waybill/core/spi'
import { createVirtualClock } from '@waybill/testkit'
import { IllegalOperationError } from 'amqplib'
import type { ChannelModel, ConfirmChannel } from 'amqplib'
import { Link } from '../src/link.js'
import { MessageLimit } from '../src/message-limit.js'
import { RabbitmqPublisher } from '../src/publisher.js'
import type { Topology } from '../src/topology.js'

interface Published {
  readonly routingKey: string
  readonly id: string
  readonly answer: (error: Error | null) => void
}

/** A confirm channel that answers when it is told to. */
class FakeChannel extends EventEmitter {
  readonly published: Published[] = []
  hasRoom = true
  isClosed = false

  publish(
    _: string,
    routingKey: string,
    __: Buffer,
    options: { messageId: string },
    answer: Published['answer'],
  ): boolean {
    if (this.isClosed) throw new IllegalOperationError('Channel closed')
    this.published.push({ routingKey, id: options.messageId, answer })
    return this.hasRoom
  }

  /** As amqplib does it: what is in flight fails first. */
  end(): void {
    for (const { answer } of this.published) answer(new Error('channel closed'))
    this.emit('close')
  }
}

const group = (name: string): GroupTopology => ({ name, from: 'earliest', acceptMissingBacklog: false })

async function publishing(groups = ['billing']) {
  const channel = new FakeChannel()
  const connection = { serverProperties: { version: '4.0.5' }, stream: new PassThrough(), frameMax: 131_072 }
  const model = Object.assign(new EventEmitter(), {
    connection,
    createConfirmChannel: async () => channel as unknown as ConfirmChannel,
  }) as unknown as ChannelModel
  connection.stream.on('error', (error) => model.emit('close', error))
  const link = new Link(model, 'amqp://fake')
  const report = {
    raise: () => undefined,
    clear: () => undefined,
    note: () => undefined,
    connection: () => undefined,
  }
  const context: TransportContext = {
    clientId: 'test',
    clock: createVirtualClock(),
    logger: silentLogger,
    report,
  }
  const topology = { topics: [], get: () => ({ groups: groups.map(group) }) } as unknown as Topology
  const unroutable: string[] = []
  const init = {
    context,
    topology,
    limit: new MessageLimit(),
    confirmTimeoutMs: 60_000,
    unroutable: (topic: string) => void unroutable.push(topic),
    connected: () => undefined,
  }
  const publisher = new RabbitmqPublisher(init, async () => undefined)
  await publisher.up(link)
  return { channel, link, model, publisher, unroutable }
}

function batchOf(...ids: string[]): Batch {
  const attributesOf = (id: string) => ({ id, type: 't', source: '/s', timeMs: 0, contentType: 'text/plain' })
  const records = ids.map((id) => ({
    attributes: attributesOf(id),
    key: null,
    body: Buffer.from(id),
    headers: [],
  }))
  return { topic: 'orders', partition: 3, records }
}

const never = new AbortController().signal
const codes = (outcomes: readonly Outcome[]): string[] =>
  outcomes.map((outcome) =>
    outcome.status === 'stored' ? 'stored' : `${outcome.status} ${outcome.error.code}`,
  )

describe('the publisher', () => {
  it('answers for each record by itself, in the order of the batch', async () => {
    const { channel, publisher } = await publishing()
    const sending = publisher.send(batchOf('a', 'b', 'c'), never)
    const [a, b, c] = channel.published
    c?.answer(null)
    a?.answer(null)
    b?.answer(new Error('message nacked'))
    expect(codes(await sending)).toEqual(['stored', 'rejected REJECTED_BY_BROKER', 'stored'])
    expect(a?.routingKey).toBe('3')
  })

  it('takes a nack for "not everywhere" where there are several groups', async () => {
    const { channel, publisher } = await publishing(['billing', 'shipping'])
    const sending = publisher.send(batchOf('a'), never)
    channel.published[0]?.answer(new Error('message nacked'))
    expect(codes(await sending)).toEqual(['unknown NOT_STORED_EVERYWHERE'])
  })

  it('takes a confirm after a return for nothing, for the returned message only', async () => {
    const { channel, publisher, unroutable } = await publishing()
    const sending = publisher.send(batchOf('a', 'b', 'b'), never)
    const returned = (routingKey: string): void =>
      void channel.emit('return', {
        fields: { exchange: 'orders', routingKey },
        properties: { messageId: 'b' },
      })
    returned('7')
    returned('3')
    for (const { answer } of channel.published) answer(null)
    expect(codes(await sending)).toEqual(['stored', 'rejected UNROUTABLE', 'stored'])
    expect(unroutable).toEqual(['orders'])
  })

  it('writes no more than there is room for, and lets nothing overtake what was lost', async () => {
    const { channel, link, publisher } = await publishing()
    channel.hasRoom = false
    const first = publisher.send(batchOf('a', 'b'), never)
    const second = publisher.send(batchOf('c'), never)
    expect(channel.published.map(({ id }) => id)).toEqual(['a'])
    channel.emit('drain')
    expect(channel.published.map(({ id }) => id)).toEqual(['a', 'b'])
    channel.end()
    expect(codes(await first)).toEqual(['unknown CONNECTION_LOST', 'unknown CONNECTION_LOST'])
    expect(codes(await second)).toEqual(['rejected BROKER_UNREACHABLE'])
    await link.ended
  })

  it('settles at once what is given up: the unwritten surely not stored', async () => {
    const { channel, publisher } = await publishing()
    channel.hasRoom = false
    const giveUp = new AbortController()
    const sending = publisher.send(batchOf('a', 'b'), giveUp.signal)
    giveUp.abort()
    expect(codes(await sending)).toEqual(['unknown CONNECTION_LOST', 'rejected BROKER_UNREACHABLE'])
    expect(codes(await publisher.send(batchOf('c'), giveUp.signal))).toEqual(['rejected BROKER_UNREACHABLE'])
  })

  it('has sent nothing where amqplib refuses because the channel is closing', async () => {
    const { channel, publisher } = await publishing()
    channel.isClosed = true
    const sending = publisher.send(batchOf('a'), never)
    channel.end()
    expect(codes(await sending)).toEqual(['rejected BROKER_UNREACHABLE'])
  })

  it('waits for what is in flight when it is closed, and takes nothing more', async () => {
    const { channel, publisher } = await publishing()
    const sending = publisher.send(batchOf('a'), never)
    const closed = publisher.close()
    expect(codes(await publisher.send(batchOf('b'), never))).toEqual(['rejected BROKER_UNREACHABLE'])
    channel.published[0]?.answer(null)
    await closed
    expect(codes(await sending)).toEqual(['stored'])
  })

  it('does not wait for confirms that cannot come because the broker is blocked', async () => {
    const { channel, link, model, publisher } = await publishing()
    const sending = publisher.send(batchOf('a'), never)
    model.emit('blocked', 'low on memory')
    const waiting = publisher.send(batchOf('b'), never)
    const closed = publisher.close()
    expect(codes(await waiting)).toEqual(['rejected BROKER_UNREACHABLE'])
    await link.ended
    channel.end()
    expect(codes(await sending)).toEqual(['unknown CONNECTION_LOST'])
    await closed
  })
})
