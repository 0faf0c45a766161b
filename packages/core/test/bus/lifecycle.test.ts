import { WaybillError, connect, type Bus, type Message } from '../../src/index.js'
import { orders, setUpBus } from '../support/bus-setup.js'
import { record } from '../support/consuming.js'
import { unknown } from '../support/fake-publisher.js'
import { FakeTransport } from '../support/fake-transport.js'
import { GatedHandler } from '../support/gated-handler.js'
import { settle } from '../support/virtual-clock.js'

const hold = [{ partition: 0, epoch: 1, logId: '', position: 0 }]
const give = (transport: FakeTransport, ...positions: number[]): void => {
  const { membership } = transport.consumers[0]!
  const records = positions.map((position) => record(position, { key: `k${position}` }))
  membership.records(0, 1, { records, next: positions.at(-1)! + 1 })
}

describe('a bus that connects', () => {
  it('connects once, and declares the topics it was given', async () => {
    const { bus, transport } = setUpBus({ topics: [orders] })
    expect(bus.status().state).toBe('idle')
    const first = bus.connect()
    expect(bus.status().state).toBe('connecting')
    await Promise.all([first, bus.connect()])
    expect(bus.status().state).toBe('connected')
    await bus.publish(orders, 'v')
    expect(transport.calls.slice(0, 3)).toEqual(['connect', 'declare orders', 'openPublisher'])
    await bus.close({ timeoutMs: 0 })
  })

  it('cannot be used before', async () => {
    const { bus } = setUpBus()
    const early = { code: 'BROKER_UNREACHABLE', retryable: true }
    await expect(bus.publish(orders, 'v')).rejects.toMatchObject(early)
    await expect(bus.publishMany(orders, ['v'])).rejects.toMatchObject(early)
    await expect(bus.subscribe(orders, { group: 'billing' }, () => undefined)).rejects.toMatchObject(early)
  })

  it('is over if it cannot: connect() says why, and so does closed()', async () => {
    const transport = new FakeTransport()
    const error = new WaybillError({ code: 'AUTHENTICATION_FAILED', message: 'wrong password.' })
    transport.onConnect = () => Promise.reject(error)
    const { bus } = setUpBus({ transport })
    await expect(bus.connect()).rejects.toBe(error)
    expect(await bus.closed()).toBe(error)
    expect(bus.status().state).toBe('failed')
    expect(transport.calls).toEqual(['connect', 'close'])
    await expect(connect({ transport })).rejects.toBe(error)
    await expect(bus.publish(orders, 'v')).rejects.toMatchObject({ code: 'CLOSED' })
  })

  it('and is closed meanwhile closes the transport after it has connected, and says so', async () => {
    const { bus, transport } = setUpBus()
    let connected: () => void = () => undefined
    transport.onConnect = () => new Promise((resolve) => (connected = resolve))
    const connecting = bus.connect()
    const closing = bus.close({ timeoutMs: 0 })
    await settle()
    expect(transport.calls).toEqual(['connect'])
    connected()
    await expect(connecting).rejects.toMatchObject({ code: 'CLOSED' })
    await closing
    expect(transport.calls).toEqual(['connect', 'close'])
    expect(await bus.closed()).toBeUndefined()
  })
})

describe('publishing many', () => {
  it('has one outcome for each, in order, and is admitted whole', async () => {
    const { bus } = setUpBus({ maxUnconfirmed: 2 })
    await bus.connect()
    const outcomes = await bus.publishMany(orders, ['a', 5 as unknown as string, 'b', 'c'])
    expect(outcomes).toMatchObject([
      { status: 'stored', receipt: { topic: 'orders' } },
      { status: 'rejected', error: { code: 'VALUE_NOT_SERIALIZABLE' } },
      { status: 'stored' },
      { status: 'stored' },
    ])
    expect(await bus.publishMany(orders, [])).toEqual([])
    await bus.close({ timeoutMs: 0 })
  })

  it('refuses an undeclared topic whole', async () => {
    const { bus } = setUpBus()
    await bus.connect()
    const unknownTopic = {} as typeof orders
    await expect(bus.publishMany(unknownTopic, ['a'])).rejects.toMatchObject({ code: 'TOPIC_UNDECLARED' })
    await expect(bus.publish(unknownTopic, 'a')).rejects.toMatchObject({ code: 'TOPIC_UNDECLARED' })
    await bus.close({ timeoutMs: 0 })
  })
})

describe('closing a bus', () => {
  const setUp = async (handler: (bus: Bus) => (message: Message<string>) => unknown) => {
    const made = setUpBus()
    const { bus, transport } = made
    await bus.connect()
    const subscription = await bus.subscribe(orders, { group: 'billing' }, handler(bus))
    transport.consumers[0]!.membership.assigned(hold)
    return { ...made, subscription }
  }

  it('ends in order: handlers, which may publish; publishes; acknowledgements; connections', async () => {
    const gate = new GatedHandler()
    const { bus, transport, clock } = await setUp((own) => async (message) => {
      await gate.handle(message)
      await own.publish(orders, 'of the handler', { id: 'late' })
    })
    give(transport, 0)
    await settle()
    const closing = bus.close()
    expect(bus.status().state).toBe('closing')
    await settle()
    gate.succeed('m0')
    await clock.advance(1_000)
    expect(await closing).toEqual({ finished: 1, aborted: 0, returned: 0 })
    const order = ['send late', 'acknowledge 0 to 1', 'leave', 'close publisher', 'close']
    expect(transport.calls.filter((call) => order.includes(call))).toEqual(order)
    expect(bus.status().state).toBe('closed')
    expect(await bus.closed()).toBeUndefined()
    expect(clock.pending).toBe(0)
  })

  it('waits for publishes that have no outcome yet', async () => {
    const { bus, transport, clock } = setUpBus()
    transport.answering = undefined
    await bus.connect()
    const published = bus.publish(orders, 'v', { id: 'x' })
    await settle()
    const closing = bus.close()
    await clock.advance(5_000)
    expect(transport.calls).not.toContain('close')
    transport.publishers[0]!.waiting[0]!.answer({ status: 'stored' })
    expect(await published).toMatchObject({ id: 'x' })
    await closing
  })

  it('settles at its timeout what has no outcome yet, and what runs is aborted', async () => {
    const gate = new GatedHandler()
    const { bus, transport, clock } = await setUp(() => gate.handle)
    transport.answering = (send) => send.signal.addEventListener('abort', () => send.answer(unknown))
    give(transport, 0, 1)
    const published = bus.publish(orders, 'v')
    await settle()
    const failed = published.catch((error: unknown) => error)
    const closing = bus.close({ timeoutMs: 3_000 })
    gate.succeed('m1')
    await clock.advance(3_000)
    expect(await failed).toMatchObject({ code: 'CLOSED', outcome: 'unknown' })
    expect(gate.message('m0').signal.aborted).toBe(true)
    expect(await closing).toEqual({ finished: 1, aborted: 1, returned: 0 })
    expect(transport.consumers[0]!.acknowledged).toMatchObject([{ next: 0, finished: [1] }])
  })

  it('is idempotent, and safe beside a subscription that closes', async () => {
    const { bus, transport, subscription } = await setUp(() => () => undefined)
    const results = await Promise.all([bus.close(), bus.close({ timeoutMs: 0 }), subscription.close()])
    expect(results[1]).toBe(results[0])
    await bus[Symbol.asyncDispose]()
    expect(transport.calls.filter((call) => call === 'leave')).toHaveLength(1)
    expect(transport.calls.filter((call) => call === 'close')).toHaveLength(1)
    expect(await subscription.closed()).toBeUndefined()
  })

  it('makes every later use reject with CLOSED', async () => {
    const { bus } = setUpBus()
    await bus.connect()
    await bus.close()
    const closed = { code: 'CLOSED' }
    await expect(bus.publish(orders, 'v')).rejects.toMatchObject({ ...closed, outcome: 'rejected' })
    await expect(bus.publishMany(orders, ['v'])).resolves.toMatchObject([{ error: closed }])
    await expect(bus.subscribe(orders, { group: 'billing' }, () => undefined)).rejects.toMatchObject(closed)
    await expect(bus.connect()).rejects.toMatchObject(closed)
  })

  it('closes nothing of a bus that was never connected', async () => {
    const { bus, transport } = setUpBus()
    expect(await bus.close()).toEqual({ finished: 0, aborted: 0, returned: 0 })
    expect(transport.calls).toEqual([])
  })

  it('lets go of a consumer that opens meanwhile', async () => {
    const { bus, transport, clock } = setUpBus()
    await bus.connect()
    let opened: () => void = () => undefined
    transport.onOpenConsumer = () => new Promise((resolve) => (opened = resolve))
    const subscribing = bus.subscribe(orders, { group: 'billing' }, () => undefined)
    await settle()
    const closing = bus.close({ timeoutMs: 0 })
    await clock.advance(10_000)
    opened()
    await expect(subscribing).rejects.toMatchObject({ code: 'CLOSED' })
    await closing
    expect(transport.calls).toContain('leave')
  })

  it('is not held up for ever by a transport that hangs', async () => {
    const { bus, transport, clock } = await setUp(() => () => undefined)
    transport.consumers[0]!.onLeave = () => new Promise(() => undefined)
    transport.close = () => new Promise(() => undefined)
    let isClosed = false
    void bus.close({ timeoutMs: 1_000 }).then(() => (isClosed = true))
    await clock.advance(20_000)
    expect(isClosed).toBe(true)
    expect(clock.pending).toBe(0)
  })
})

describe('a subscription', () => {
  it('shows what it has, pauses, resumes and closes', async () => {
    const gate = new GatedHandler()
    const { bus, transport, clock } = setUpBus()
    await bus.connect()
    const subscription = await bus.subscribe(orders, { group: 'billing' }, gate.handle)
    transport.consumers[0]!.membership.assigned(hold)
    give(transport, 0, 1)
    await settle()
    expect(bus.status().subscriptions).toEqual([subscription.status()])
    expect(subscription.status()).toMatchObject({
      topic: 'orders',
      group: 'billing',
      state: 'running',
      running: 2,
      bufferedMessages: 2,
      partitions: [{ partition: 0, unfinished: 2, running: 2, next: 0, oldest: { id: 'm0', attempt: 1 } }],
    })
    const paused = subscription.pause()
    gate.succeed('m0', 'm1')
    await paused
    give(transport, 2)
    await settle()
    expect(subscription.status()).toMatchObject({ state: 'paused', running: 0, bufferedMessages: 1 })
    subscription.resume()
    await settle()
    gate.succeed('m2')
    const closed = subscription.close()
    await clock.advance(1)
    expect(await closed).toEqual({ finished: 1, aborted: 0, returned: 0 })
    expect(transport.consumers[0]!.acknowledged).toMatchObject([{ next: 3 }])
    expect(subscription.status().state).toBe('closed')
    expect(bus.status()).toMatchObject({ state: 'connected', subscriptions: [] })
    await bus.close({ timeoutMs: 0 })
  })

  it('that ends for good ends the bus, with its error', async () => {
    const { bus, transport, clock } = setUpBus()
    const noted: string[] = []
    bus.on('problem.noted', ({ problem }) => noted.push(problem.code))
    await bus.connect()
    const subscription = await bus.subscribe(orders, { group: 'billing' }, () => undefined)
    const error = new WaybillError({ code: 'CONSUMER_ENDED', message: 'the queue was deleted.' })
    transport.consumers[0]!.membership.failed(error)
    await clock.advance(10_000)
    expect(await subscription.closed()).toBe(error)
    expect(await bus.closed()).toBe(error)
    expect(bus.status().state).toBe('failed')
    expect(noted).toEqual(['CONSUMER_ENDED'])
  })

  it('can be opened again after the broker refused it', async () => {
    const { bus, transport } = setUpBus()
    await bus.connect()
    const error = new WaybillError({ code: 'TOPOLOGY_CONFLICT', message: 'it has 3 partitions.' })
    transport.onDeclare = () => Promise.reject(error)
    const subscribe = () => bus.subscribe(orders, { group: 'billing' }, () => undefined)
    await expect(subscribe()).rejects.toBe(error)
    transport.onDeclare = () => Promise.resolve()
    await subscribe()
    expect(transport.calls.filter((call) => call === 'declare orders')).toHaveLength(2)
    await bus.close({ timeoutMs: 0 })
  })

  it('skips to a position where it holds the partition and the broker has offsets', async () => {
    const { bus, transport } = setUpBus()
    await bus.connect()
    const subscription = await bus.subscribe(orders, { group: 'billing' }, () => undefined)
    const consumer = transport.consumers[0]!
    consumer.membership.assigned(hold)
    await expect(subscription.skipTo(0, 5)).rejects.toMatchObject({ code: 'CAPABILITY_MISSING' })
    const skipped: number[][] = []
    consumer.skipTo = async (...to) => void skipped.push(to)
    await subscription.skipTo(0, 5)
    await expect(subscription.skipTo(1, 5)).rejects.toMatchObject({ code: 'PARTITION_NOT_HELD' })
    await expect(subscription.skipTo(0, -1)).rejects.toMatchObject({ code: 'CONFIG_INVALID' })
    expect(skipped).toEqual([[0, 5]])
    await bus.close({ timeoutMs: 0 })
  })
})
