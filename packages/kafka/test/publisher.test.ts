import type { Batch, Outcome } from '@waybill/core/spi'
import { type KafkaClient, KafkaFailure, type ProduceRequest } from '../src/client/kafka-client.js'
import { DeclaredTopics } from '../src/declared-topics.js'
import { KafkaPublisher } from '../src/publisher.js'
import { readRecordSet } from '../src/wire/record-set.js'
import { fakeClient } from './fake-client.js'

interface Sent {
  readonly partition: number
  readonly producer: bigint
  readonly sequence: number
  readonly bodies: string[]
  readonly bytes: Buffer
}

type Answer = KafkaFailure | { readonly baseOffset: number }

/** A publisher over a broker that answers as the test says; the last answer goes on. */
function publishing(...answers: (Answer | Promise<Answer>)[]) {
  const sent: Sent[] = []
  let producers = 0
  let refreshed = 0
  const client = fakeClient({
    newProducer: async () => ({ id: BigInt(++producers), epoch: 0 }),
    refresh: async () => void refreshed++,
    produce: async ({ partition, recordBatch }: ProduceRequest) => {
      const { records } = readRecordSet(recordBatch, 0)
      const bodies = records.map(({ value }) => Buffer.from(value ?? []).toString())
      sent.push({
        partition,
        producer: recordBatch.readBigInt64BE(43),
        sequence: recordBatch.readInt32BE(53),
        bodies,
        bytes: recordBatch,
      })
      const answer = await (answers.length > 1 ? answers.shift() : answers[0])
      if (answer instanceof KafkaFailure) throw answer
      return answer ?? { baseOffset: 0 }
    },
  } satisfies Partial<KafkaClient>)
  const topics = new DeclaredTopics({ client } as ConstructorParameters<typeof DeclaredTopics>[0])
  return {
    publisher: new KafkaPublisher(client, topics, ['planted-secret']),
    sent,
    refreshed: () => refreshed,
  }
}

const batch = (...bodies: string[]): Batch => ({
  topic: 'orders',
  partition: 0,
  records: bodies.map((body) => ({
    attributes: { id: body, type: 't', source: 's', timeMs: 1, contentType: 'text/plain' },
    key: null,
    body: Buffer.from(body),
    headers: [],
  })),
})

const never = new AbortController().signal
const stored = { baseOffset: 7 }
const timeout = new KafkaFailure('TIMEOUT', 'no answer', true)
const statuses = (outcomes: readonly Outcome[]): string[] => outcomes.map(({ status }) => status)

describe('the Kafka publisher', () => {
  it('numbers the records of a partition, and says where each was stored', async () => {
    const { publisher, sent } = publishing(stored)
    expect(await publisher.send(batch('a', 'b'), never)).toEqual([
      { status: 'stored', position: 7 },
      { status: 'stored', position: 8 },
    ])
    await publisher.send(batch('c'), never)
    expect(sent.map(({ producer, sequence }) => [producer, sequence])).toEqual([
      [1n, 0],
      [1n, 2],
    ])
  })

  it('trap 2: sends an unknown batch again as the very same bytes', async () => {
    const { publisher, sent } = publishing(timeout, stored)
    const one = batch('a')
    expect(statuses(await publisher.send(one, never))).toEqual(['unknown'])
    expect(statuses(await publisher.send(one, never))).toEqual(['stored'])
    expect(sent[1]?.bytes).toEqual(sent[0]?.bytes)
  })

  it('trap 22: takes a new producer id for what follows a batch that was given up', async () => {
    const { publisher, sent } = publishing(timeout, stored)
    const one = batch('a')
    await publisher.send(one, never)
    publisher.abandon(one)
    await publisher.send(batch('b'), never)
    expect(sent.map(({ producer, sequence }) => [producer, sequence])).toEqual([
      [1n, 0],
      [2n, 0],
    ])
  })

  it('keeps the producer of other partitions when one batch is given up', async () => {
    const { publisher, sent } = publishing(stored, timeout, stored)
    const other = { ...batch('x'), partition: 1 }
    await publisher.send(other, never)
    const one = batch('a')
    await publisher.send(one, never)
    publisher.abandon(one)
    await publisher.send({ ...batch('y'), partition: 1 }, never)
    expect(sent[2]).toMatchObject({ partition: 1, producer: 1n, sequence: 1 })
  })

  it('gives the numbers of a batch that was surely not stored to the next one', async () => {
    const { publisher, sent } = publishing(new KafkaFailure('MESSAGE_TOO_LARGE', 'too large', false), stored)
    expect(await publisher.send(batch('a', 'b'), never)).toMatchObject([
      { status: 'rejected', wholeBatch: true, error: { code: 'MESSAGE_TOO_LARGE' } },
      { status: 'rejected', wholeBatch: true },
    ])
    await publisher.send(batch('c'), never)
    expect(sent.map(({ sequence }) => sequence)).toEqual([0, 0])
  })

  it('stays unknown after a refusal that came after a lost answer', async () => {
    const { publisher } = publishing(
      timeout,
      new KafkaFailure('NOT_LEADER_FOR_PARTITION', 'moved', false),
      stored,
    )
    const one = batch('a')
    const outcomes = [
      await publisher.send(one, never),
      await publisher.send(one, never),
      await publisher.send(one, never),
    ]
    expect(outcomes.map((outcome) => outcome[0]?.status)).toEqual(['unknown', 'unknown', 'stored'])
  })

  it('takes a duplicate for stored, without a position', async () => {
    const { publisher, sent } = publishing(
      timeout,
      new KafkaFailure('DUPLICATE_SEQUENCE_NUMBER', 'again', false),
      stored,
    )
    const one = batch('a')
    await publisher.send(one, never)
    expect(await publisher.send(one, never)).toEqual([{ status: 'stored' }])
    await publisher.send(batch('b'), never)
    expect(sent.at(-1)?.sequence).toBe(1)
  })

  it.each(['OUT_OF_ORDER_SEQUENCE_NUMBER', 'UNKNOWN_PRODUCER_ID', 'INVALID_PRODUCER_EPOCH'])(
    'starts anew with another producer id after %s',
    async (kind) => {
      const { publisher, sent } = publishing(new KafkaFailure(kind, 'lost', false), stored)
      const one = batch('a')
      expect(await publisher.send(one, never)).toMatchObject([
        { status: 'rejected', error: { retryable: true } },
      ])
      expect(statuses(await publisher.send(one, never))).toEqual(['stored'])
      expect(sent.map(({ producer }) => producer)).toEqual([1n, 2n])
    },
  )

  it.each([
    ['NOT_LEADER_FOR_PARTITION', false, 'rejected', true],
    ['UNREACHABLE', false, 'rejected', true],
    ['NOT_ENOUGH_REPLICAS', false, 'rejected', true],
    ['TOPIC_AUTHORIZATION_FAILED', false, 'rejected', false],
    ['INVALID_RECORD', false, 'rejected', false],
    ['NOT_ENOUGH_REPLICAS_AFTER_APPEND', false, 'unknown', true],
    ['REQUEST_TIMED_OUT', false, 'unknown', true],
    ['CONNECTION_LOST', true, 'unknown', true],
    ['TIMEOUT', true, 'unknown', true],
    ['CLIENT', true, 'unknown', true],
  ] as const)('answers %s (written: %s) with %s, retryable: %s', async (kind, written, status, retryable) => {
    const { publisher } = publishing(new KafkaFailure(kind, 'said planted-secret', written))
    const [outcome] = await publisher.send(batch('a'), never)
    expect(outcome).toMatchObject({
      status,
      error: { retryable, details: { topic: 'orders', partition: 0, kafkaError: kind } },
    })
    expect(
      JSON.stringify(outcome) +
        (outcome?.status === 'stored' ? '' : `${outcome?.error.message}${String(outcome?.error.cause)}`),
    ).not.toContain('planted-secret')
  })

  it('looks for the leader again when it is not where it was', async () => {
    const { publisher, refreshed } = publishing(
      new KafkaFailure('NOT_LEADER_FOR_PARTITION', 'moved', false),
      stored,
    )
    await publisher.send(batch('a'), never)
    expect(refreshed()).toBe(1)
  })

  it('answers at once when its signal aborts, and a late answer changes nothing', async () => {
    let answer: (value: Answer) => void = () => undefined
    const late = new Promise<Answer>((resolve) => {
      answer = resolve
    })
    const { publisher, sent } = publishing(late, stored)
    const giving = new AbortController()
    const one = batch('a', 'b')
    const sending = publisher.send(one, giving.signal)
    await new Promise(setImmediate)
    giving.abort()
    expect(statuses(await sending)).toEqual(['unknown', 'unknown'])
    publisher.abandon(one)
    const next = publisher.send(batch('c'), never)
    answer(stored)
    expect(statuses(await next)).toEqual(['stored'])
    await publisher.send(batch('d'), never)
    expect(sent.map(({ producer, sequence }) => [producer, sequence])).toEqual([
      [1n, 0],
      [2n, 0],
      [2n, 1],
    ])
  })
})
