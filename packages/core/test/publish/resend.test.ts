import { PublishError, defineTopic, text } from '../../src/index.js'
import type { ErasedTopic } from '../../src/topic/topic.js'
import { rejected, retryable, stored, unknown, wholeBatch, type FakeSend } from '../support/fake-publisher.js'
import { settleCapabilities } from '../support/fake-transport.js'
import { setUp } from '../support/publisher-setup.js'
import { settle } from '../support/virtual-clock.js'

const isMarked = (send: FakeSend): boolean[] =>
  send.batch.records.map((record) => record.headers.some(([name]) => name === 'waybill-republished'))

describe('sending again', () => {
  it('sends the identical batch where the broker stores it once, and nothing later before', async () => {
    const { clock, outcomes, publish, publisher, waiting, sent, resent } = setUp()
    publish('a')
    await settle()
    publish('b')
    await settle()
    waiting().answer(unknown)
    await clock.advance(100)
    const [first, second] = publisher().sends
    expect(second!.batch).toBe(first!.batch)
    waiting().answer(stored)
    await settle()
    expect(sent()).toEqual([['a'], ['a'], ['b']])
    expect(outcomes.get('a')).toMatchObject({ id: 'a' })
    expect(resent).toEqual([{ partition: 0, messages: 1 }])
    expect(publisher().abandoned).toEqual([])
  })

  it('marks what may be stored, elsewhere, and not what surely is not', async () => {
    const { clock, publish, publisher, waiting } = setUp({}, settleCapabilities)
    publish('a')
    publish('b')
    await settle()
    waiting().answer(retryable, unknown)
    await clock.advance(100)
    const again = publisher().sends[1]!
    expect([again.ids, isMarked(again)]).toEqual([
      ['a', 'b'],
      [false, true],
    ])
  })

  it('does not send again behind a later message of its key that is stored', async () => {
    const { clock, outcomes, publish, waiting, sent } = setUp({}, settleCapabilities)
    for (const id of ['a:1', 'b:1', 'a:2']) publish(id)
    await settle()
    waiting().answer(unknown, unknown, stored)
    await clock.advance(100)
    expect(sent()[1]).toEqual(['b:1'])
    expect(outcomes.get('a:1')).toMatchObject({ code: 'OVERTAKEN', outcome: 'unknown' })
  })

  it('gives a refused message up when a later one of its key may be stored', async () => {
    const { clock, outcomes, publish, waiting, sent } = setUp({}, settleCapabilities)
    for (const id of ['a:1', 'a:2', 'a:3']) publish(id)
    await settle()
    waiting().answer(retryable, unknown, unknown)
    await clock.advance(100)
    expect(sent()[1]).toEqual(['a:2', 'a:3'])
    expect(outcomes.get('a:1')).toMatchObject({ code: 'OVERTAKEN', outcome: 'rejected' })
  })

  it('finds the one bad message of a refused batch by halves, and stores the others in order', async () => {
    const { clock, transport, outcomes, publish, sent } = setUp()
    transport.answering = (send) => {
      if (!send.ids.includes('bad')) send.answer(stored)
      else send.answer(send.ids.length > 1 ? wholeBatch : rejected)
    }
    for (const id of ['a', 'b', 'bad', 'c', 'd']) publish(id)
    await clock.advance(1)
    expect(sent()).toEqual([['a', 'b', 'bad', 'c', 'd'], ['a', 'b', 'bad'], ['a', 'b'], ['bad'], ['c', 'd']])
    expect(outcomes.get('bad')).toMatchObject({ code: 'REJECTED_BY_BROKER', outcome: 'rejected' })
    expect([...outcomes.values()].filter((one) => one instanceof PublishError)).toHaveLength(1)
  })

  it('abandons a batch that may be stored before it goes in halves, which are marked', async () => {
    const { clock, transport, publish, publisher, waiting } = setUp()
    publish('a')
    publish('b')
    await settle()
    waiting().answer(unknown)
    await clock.advance(100)
    waiting().answer(wholeBatch)
    await settle()
    expect(transport.calls.slice(-3)).toEqual(['send a b', 'abandon a b', 'send a'])
    expect(isMarked(publisher().sends[2]!)).toEqual([true])
  })

  it('leaves out what a driver refused beside what may be stored, and abandons the batch', async () => {
    const { clock, transport, outcomes, publish, publisher, waiting } = setUp()
    publish('a')
    publish('b')
    await settle()
    waiting().answer(unknown, rejected)
    await clock.advance(100)
    expect(outcomes.get('b')).toMatchObject({ code: 'REJECTED_BY_BROKER', outcome: 'rejected' })
    expect(transport.calls.slice(-3)).toEqual(['send a b', 'abandon a b', 'send a'])
    expect(isMarked(publisher().sends[1]!)).toEqual([true])
  })

  it('leaves out what was given up while it waited to go again', async () => {
    const { clock, outcomes, publish, waiting, sent } = setUp()
    const controller = new AbortController()
    publish('a', 'v', { signal: controller.signal })
    publish('b')
    await settle()
    waiting().answer(retryable)
    await settle()
    controller.abort()
    await clock.advance(100)
    expect(outcomes.get('a')).toMatchObject({ code: 'PUBLISH_ABORTED', outcome: 'rejected' })
    expect(sent()).toEqual([['a', 'b'], ['b']])
  })

  it('is left to the caller with retryUnknown: false; republish() does it with the mark, in the same partition', async () => {
    const topic = defineTopic({ name: 'wide', codec: text, partitions: 3 }) as ErasedTopic
    const { clock, outcomes, publish, publisher, waiting } = setUp({ retryUnknown: false })
    publish('a', 'v', {}, topic)
    await settle()
    waiting().answer(unknown)
    await settle()
    const error = outcomes.get('a') as PublishError
    expect(error).toMatchObject({ code: 'CONNECTION_LOST', outcome: 'unknown', retryable: true })
    const again = error.republish()
    await clock.advance(1)
    const [first, second] = publisher().sends
    expect(second!.ids).toEqual(['a'])
    expect(isMarked(second!)).toEqual([true])
    expect(second!.batch.partition).toBe(first!.batch.partition)
    waiting().answer(stored)
    expect(await again).toMatchObject({ id: 'a', partition: 0 })
  })

  it('by republish() is never called surely not stored, for the first try may be', async () => {
    const { clock, outcomes, publish, waiting } = setUp({ publishTimeoutMs: 1_000 })
    publish('a')
    await clock.advance(1_250)
    waiting().answer(unknown)
    const again = (outcomes.get('a') as PublishError).republish().catch((error: unknown) => error)
    await clock.advance(1)
    waiting().answer(rejected)
    expect(await again).toMatchObject({ code: 'REJECTED_BY_BROKER', outcome: 'unknown' })
  })

  it('takes a driver that breaks its word as one that does not know', async () => {
    const { clock, transport, outcomes, publish, waiting } = setUp({ retryUnknown: false })
    publish('a')
    publish('b')
    await settle()
    waiting().answer()
    await settle()
    expect(outcomes.get('b')).toMatchObject({ outcome: 'unknown' })
    transport.publishers[0]!.send = () => Promise.reject(new Error('no'))
    publish('c')
    await clock.advance(1)
    expect(outcomes.get('c')).toMatchObject({ outcome: 'unknown' })
  })
})

describe('giving up', () => {
  it('lets later messages of the key go on', async () => {
    const { publish, waiting, sent } = setUp()
    publish('a:1')
    await settle()
    publish('a:2')
    waiting().answer(rejected)
    await settle()
    expect(sent()).toEqual([['a:1'], ['a:2']])
  })

  it("fails those of its key, and no other, with onGiveUp 'fail-key'", async () => {
    const { clock, outcomes, publish, waiting, sent } = setUp({ onGiveUp: 'fail-key' })
    for (const id of ['a:1', 'b:1', 'a:2', 'none']) publish(id)
    await settle()
    for (const id of ['a:3', 'b:2']) publish(id)
    waiting().answer(rejected, retryable, retryable, retryable)
    await clock.advance(100)
    waiting().answer(stored)
    await settle()
    expect(sent()).toEqual([['a:1', 'b:1', 'a:2', 'none'], ['b:1', 'none'], ['b:2']])
    expect(outcomes.get('a:2')).toMatchObject({ code: 'EARLIER_OF_KEY_FAILED', outcome: 'rejected' })
    expect(outcomes.get('a:3')).toMatchObject({ code: 'EARLIER_OF_KEY_FAILED', outcome: 'rejected' })
  })

  it("does not fail what came before it, with onGiveUp 'fail-key'", async () => {
    const { clock, outcomes, publish, waiting } = setUp({ onGiveUp: 'fail-key' })
    const controller = new AbortController()
    publish('a:1')
    publish('a:2', 'a:2', { signal: controller.signal })
    await settle()
    waiting().answer(retryable)
    await settle()
    controller.abort()
    await clock.advance(100)
    waiting().answer(stored)
    await settle()
    expect(outcomes.get('a:1')).toMatchObject({ storedIn: 'fake' })
    expect(outcomes.get('a:2')).toMatchObject({ code: 'PUBLISH_ABORTED', outcome: 'rejected' })
  })

  it('at close settles all as what it is, and ends the publisher', async () => {
    const { clock, transport, engine, outcomes, publish, waiting } = setUp()
    publish('a')
    await settle()
    publish('b')
    const closed = engine.close()
    waiting().answer(unknown)
    await closed
    publish('c')
    await settle()
    expect(outcomes.get('a')).toMatchObject({ code: 'CLOSED', outcome: 'unknown' })
    expect(outcomes.get('b')).toMatchObject({ code: 'CLOSED', outcome: 'rejected' })
    expect(outcomes.get('c')).toMatchObject({ code: 'CLOSED', outcome: 'rejected' })
    expect(transport.calls).toContain('close publisher')
    await expect((outcomes.get('a') as PublishError).republish()).rejects.toMatchObject({ code: 'CLOSED' })
    expect(clock.pending).toBe(0)
  })

  it('at close opens no publisher for a topic that is declared too late', async () => {
    const { clock, transport, engine, publish } = setUp()
    let declared: () => void = () => undefined
    transport.onDeclare = () => new Promise((resolve) => (declared = resolve))
    publish('a')
    await settle()
    await engine.close()
    declared()
    await settle()
    expect(transport.calls).toEqual(['declare letters'])
    expect(clock.pending).toBe(0)
  })

  it('becomes idle when every message has its outcome', async () => {
    const { engine, publish, waiting } = setUp()
    await engine.idle()
    publish('a')
    let isIdle = false
    void engine.idle().then(() => (isIdle = true))
    await settle()
    expect(isIdle).toBe(false)
    waiting().answer(stored)
    await settle()
    expect(isIdle).toBe(true)
  })
})
