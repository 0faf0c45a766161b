import { WaybillError, defineTopic, text } from '../../src/index.js'
import type { Receipt } from '../../src/index.js'
import type { ErasedTopic } from '../../src/topic/topic.js'
import { stored, unknown } from '../support/fake-publisher.js'
import { settleCapabilities } from '../support/fake-transport.js'
import { letters } from '../support/publishing.js'
import { setUp } from '../support/publisher-setup.js'
import { settle } from '../support/virtual-clock.js'

describe('publishing', () => {
  it('resolves with a receipt once the broker has stored the message', async () => {
    const { clock, outcomes, publish, waiting } = setUp()
    publish('a:1')
    await clock.advance(0)
    expect(outcomes.get('a:1')).toBeUndefined()
    waiting().answer({ status: 'stored', position: 7 })
    await settle()
    expect(outcomes.get('a:1')).toEqual({
      id: 'a:1',
      topic: 'letters',
      partition: 0,
      position: 7,
      storedIn: 'fake',
    })
    expect(clock.pending).toBe(0)
  })

  it('sends one batch of a partition at a time, and next what gathered meanwhile', async () => {
    const { publish, waiting, sent } = setUp()
    publish('a')
    publish('b')
    await settle()
    publish('c')
    await settle()
    publish('d')
    await settle()
    expect(sent()).toEqual([['a', 'b']])
    waiting().answer(stored)
    await settle()
    expect(sent()).toEqual([
      ['a', 'b'],
      ['c', 'd'],
    ])
  })

  it('does not wait for answers where the broker confirms a window', async () => {
    const { publish, sent } = setUp({}, settleCapabilities)
    publish('a')
    await settle()
    publish('b')
    await settle()
    expect(sent()).toEqual([['a'], ['b']])
  })

  it('cuts batches by messages and by bytes', async () => {
    const byCount = setUp({ maxBatchMessages: 2 }, settleCapabilities)
    for (const id of ['a', 'b', 'c']) byCount.publish(id)
    const byBytes = setUp({ maxBatchBytes: 2_000 }, settleCapabilities)
    for (const id of ['a', 'b', 'c']) byBytes.publish(id, 'x'.repeat(id === 'a' ? 5_000 : 700))
    await settle()
    expect(byCount.sent()).toEqual([['a', 'b'], ['c']])
    expect(byBytes.sent()).toEqual([['a'], ['b', 'c']])
  })

  it('refuses what the broker would refuse, and sends what is around it', async () => {
    const { transport, outcomes, publish, sent } = setUp()
    transport.declared = { maxMessageBytes: 500 }
    publish('a')
    publish('big', 'x'.repeat(600))
    publish('b')
    await settle()
    expect(sent()).toEqual([['a', 'b']])
    expect(outcomes.get('big')).toMatchObject({ code: 'MESSAGE_TOO_LARGE', outcome: 'rejected' })
  })

  it('places keys as the Java client does, and messages without a key in turn', async () => {
    const topic = defineTopic({
      name: 'wide',
      codec: text,
      partitions: 6,
      key: (value) => value || undefined,
    })
    const { clock, publish, outcomes, transport } = setUp()
    transport.answering = (send) => send.answer(stored)
    publish('1', 'foobar', {}, topic as ErasedTopic)
    publish('2', 'a', {}, topic as ErasedTopic)
    for (const id of ['3', '4', '5']) publish(id, '', {}, topic as ErasedTopic)
    await clock.advance(10)
    expect([...outcomes.values()].map((receipt) => (receipt as Receipt).partition)).toEqual([0, 4, 0, 1, 2])
  })

  it('keeps the order of messages while a schema thinks', async () => {
    const answers: ((result: object) => void)[] = []
    const validate = (value: unknown) =>
      value === 'slow' || value === 'bad' ? new Promise((resolve) => answers.push(resolve)) : { value }
    const schema = { '~standard': { version: 1 as const, vendor: 'test', validate: validate as never } }
    const topic = { ...letters, name: 'checked', schema }
    const { outcomes, publish, sent } = setUp()
    publish('1', 'fast', {}, topic)
    publish('2', 'slow', {}, topic)
    publish('3', 'bad', {}, topic)
    publish('4', 'fast', {}, topic)
    await settle()
    expect(sent()).toEqual([['1']])
    answers[1]!({ issues: [{ message: 'bad' }] })
    await settle()
    expect(sent()).toEqual([['1']])
    expect(outcomes.get('3')).toMatchObject({ code: 'SCHEMA_REFUSED', outcome: 'rejected' })
  })

  it('sends what waited for a schema as soon as it has answered, in order', async () => {
    let answer: (result: object) => void = () => undefined
    const validate = (value: unknown) =>
      value === 'slow' ? new Promise((resolve) => (answer = resolve)) : { value }
    const schema = { '~standard': { version: 1 as const, vendor: 'test', validate: validate as never } }
    const topic = { ...letters, name: 'checked', schema }
    const { publish, sent } = setUp()
    publish('1', 'slow', {}, topic)
    publish('2', 'fast', {}, topic)
    await settle()
    answer({ value: 'slow' })
    await settle()
    expect(sent()).toEqual([['1', '2']])
  })

  it('is bounded by messages and bytes, and has room again when they have an outcome', async () => {
    const { engine, outcomes, publish, waiting } = setUp({ maxUnconfirmed: 2 })
    for (const id of ['a', 'b', 'c']) publish(id)
    await settle()
    expect(outcomes.get('c')).toMatchObject({ code: 'QUEUE_FULL', outcome: 'rejected', retryable: true })
    waiting().answer(stored)
    await settle()
    expect(engine.hasRoom).toBe(true)
    const bytes = setUp({ maxUnconfirmedBytes: 1_024 })
    bytes.publish('a', 'x'.repeat(1_024))
    bytes.publish('b')
    await settle()
    expect(bytes.outcomes.get('b')).toMatchObject({ code: 'QUEUE_FULL' })
  })

  it('shows what has no outcome yet', async () => {
    const { clock, engine, publish } = setUp()
    expect(engine.status()).toEqual({ unconfirmed: 0, unconfirmedBytes: 0, oldestAgeMs: undefined })
    publish('a')
    await clock.advance(500)
    publish('b')
    expect(engine.status()).toMatchObject({ unconfirmed: 2, oldestAgeMs: 500 })
  })
})

describe('a publish without an answer', () => {
  it('is unknown at publishTimeoutMs if it was sent, and its batch is abandoned before anything else goes', async () => {
    const { clock, transport, outcomes, publish, publisher, waiting } = setUp()
    publish('a')
    await settle()
    publish('b')
    await clock.advance(9_000)
    publish('c')
    await clock.advance(1_250)
    expect(outcomes.get('a')).toMatchObject({ code: 'PUBLISH_TIMEOUT', outcome: 'unknown', retryable: true })
    expect(outcomes.get('b')).toMatchObject({ code: 'PUBLISH_TIMEOUT', outcome: 'rejected' })
    expect(outcomes.get('c')).toBeUndefined()
    expect(publisher().sends[0]!.signal.aborted).toBe(true)
    waiting().answer(unknown)
    await settle()
    expect(transport.calls.slice(-3)).toEqual(['send a', 'abandon a', 'send c'])
  })

  it('is given up when its signal aborts: rejected if it was not sent, else unknown', async () => {
    const { outcomes, publish } = setUp()
    const [sent, queued] = [new AbortController(), new AbortController()]
    publish('never', 'v', { signal: AbortSignal.abort() })
    publish('sent', 'v', { signal: sent.signal })
    await settle()
    publish('queued', 'v', { signal: queued.signal })
    await settle()
    sent.abort()
    queued.abort()
    await settle()
    const { never, sent: unsure, queued: unsent } = Object.fromEntries(outcomes)
    expect(never).toMatchObject({ code: 'PUBLISH_ABORTED', outcome: 'rejected' })
    expect(unsure).toMatchObject({ code: 'PUBLISH_ABORTED', outcome: 'unknown' })
    expect(unsent).toMatchObject({ code: 'PUBLISH_ABORTED', outcome: 'rejected' })
  })

  it('waits for a topic that cannot be declared yet, within its time', async () => {
    const { clock, transport, outcomes, publish } = setUp()
    let tries = 0
    transport.answering = (send) => send.answer(stored)
    transport.onDeclare = async () => {
      if (++tries < 3)
        throw new WaybillError({ code: 'BROKER_UNREACHABLE', retryable: true, message: 'down' })
    }
    publish('a')
    await clock.advance(1_000)
    expect(outcomes.get('a')).toMatchObject({ id: 'a' })
    transport.onDeclare = () =>
      Promise.reject(new WaybillError({ code: 'BROKER_UNREACHABLE', retryable: true, message: 'down' }))
    publish('b', 'b', {}, { ...letters, name: 'other' })
    await clock.advance(10_250)
    expect(outcomes.get('b')).toMatchObject({ code: 'PUBLISH_TIMEOUT', outcome: 'rejected' })
  })

  it('is over at once if the topic is refused for good, and the next one asks again', async () => {
    const { clock, transport, engine, outcomes, publish } = setUp()
    transport.answering = (send) => send.answer(stored)
    transport.onDeclare = () =>
      Promise.reject(new WaybillError({ code: 'TOPOLOGY_CONFLICT', message: 'it has 3 partitions.' }))
    const again = engine.publish(letters, 'a', { id: 'a' }).catch((error: unknown) => {
      // In the same turn: it must not wait for the topic that was refused.
      transport.onDeclare = () => Promise.resolve()
      publish('b')
      return error
    })
    await clock.advance(1)
    expect(await again).toMatchObject({ code: 'TOPOLOGY_CONFLICT', outcome: 'rejected' })
    expect(outcomes.get('b')).toMatchObject({ storedIn: 'fake' })
  })
})
