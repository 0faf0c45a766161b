import { systemClock } from '@waybill/core/spi'
import { type FetchedPartition, type FetchRequest, KafkaFailure } from '../src/client/kafka-client.js'
import { Fetcher } from '../src/fetcher.js'
import { encodeRecordBatch } from '../src/wire/record-batch.js'
import { fakeClient } from './fake-client.js'

const batch = (offset: number, ...bodies: string[]): Buffer => {
  const records = bodies.map((body) => ({ timeMs: 1, key: null, value: Buffer.from(body), headers: [] }))
  const bytes = encodeRecordBatch(records, { id: 1n, epoch: 0, sequence: 0 })
  bytes.writeBigInt64BE(BigInt(offset), 0)
  return bytes
}

/** A log of two partitions, each led by a broker of its own number; a poll of a partition that has no more waits. */
function reading(
  logs: Record<number, Buffer>,
  options: { lot?: number; broken?: () => KafkaFailure | undefined } = {},
) {
  const got: string[] = []
  const events: string[] = []
  const polls: FetchRequest[] = []
  let onRecords = (): void => undefined
  const client = fakeClient({
    refresh: async () => undefined,
    knownTopic: async () => ({
      name: 't',
      id: '',
      partitions: [0, 1].map((partition) => ({ partition, leader: partition + 10, replicas: 1 })),
    }),
    fetch: async (node, request) => {
      polls.push(request)
      const failure = options.broken?.()
      if (failure !== undefined && node === 10) throw failure
      await new Promise((resolve) => setTimeout(resolve, 5))
      return request.partitions.map(({ partition, offset }): FetchedPartition => {
        const log = logs[partition] ?? Buffer.alloc(0)
        return { partition, failure: undefined, aborted: [], recordSet: offset === 0 ? log : Buffer.alloc(0) }
      })
    },
  })
  const settings = {
    client,
    clock: systemClock,
    topic: 't',
    maxWaitMs: 10,
    maxBytes: 1_000,
    partitionMaxBytes: 1_000,
    lot: options.lot ?? 100,
  }
  const fetcher = new Fetcher(settings, {
    records: ({ partition }, records, next) => {
      got.push(
        `${partition}: ${records.map(({ value }) => Buffer.from(value ?? []).toString()).join(' ')} (${next})`,
      )
      onRecords()
    },
    unreadable: ({ partition }, { offset, next }) => events.push(`unreadable ${partition} ${offset} ${next}`),
    outOfRange: ({ partition }) => events.push(`out of range ${partition}`),
    failed: (error) => events.push(`failed ${String(error)}`),
  })
  return { fetcher, got, events, polls, onRecords: (task: () => void) => (onRecords = task) }
}

async function until(condition: () => boolean): Promise<void> {
  for (let turn = 0; turn < 400 && !condition(); turn++)
    await new Promise((resolve) => setTimeout(resolve, 5))
  if (!condition()) throw new Error(`not in time: ${condition.toString()}`)
}

const start = (partition: number) => ({ partition, epoch: 1, position: 0 })

describe('the fetcher', () => {
  it('reads what it was told to start', async () => {
    const { fetcher, got } = reading({ 0: batch(0, 'a', 'b'), 1: batch(0, 'c') })
    fetcher.start([start(0), start(1)])
    await until(() => got.length === 2)
    fetcher.close()
    expect(got.toSorted()).toEqual(['0: a b (2)', '1: c (1)'])
  })

  it('stops a partition whose batch cannot be read, and no other, until it is moved on', async () => {
    const spoiled = batch(1, 'bad')
    spoiled[65]! ^= 1
    const { fetcher, got, events, polls } = reading({
      0: Buffer.concat([batch(0, 'good'), spoiled]),
      1: batch(0, 'other'),
    })
    fetcher.start([start(0), start(1)])
    await until(() => events.length === 1 && got.length === 2)
    expect(events).toEqual(['unreadable 0 1 2'])
    expect(got.toSorted()).toEqual(['0: good (1)', '1: other (1)'])
    const polled = polls.length
    await until(() => polls.length > polled + 3)
    expect(
      polls.slice(polled + 1).flatMap(({ partitions }) => partitions.map(({ partition }) => partition)),
    ).not.toContain(0)
    const stalled = fetcher.get(0)
    if (stalled === undefined) throw new Error('it is not held')
    fetcher.skip(stalled, 2)
    await until(
      () =>
        polls.at(-1)?.partitions[0]?.offset === 2 ||
        polls.some(({ partitions }) =>
          partitions.some(({ partition, offset }) => partition === 0 && offset === 2),
        ),
    )
    fetcher.close()
  })

  it('hands out no more than a lot after it was paused, and the rest when it is resumed', async () => {
    const { fetcher, got, onRecords, polls } = reading({ 0: batch(0, 'a', 'b', 'c', 'd', 'e') }, { lot: 2 })
    onRecords(() => {
      if (got.length === 1) fetcher.pause(0)
    })
    fetcher.start([start(0)])
    await until(() => got.length === 1)
    expect(got).toEqual(['0: a b (2)'])
    const polled = polls.length
    fetcher.resume(0)
    expect(got).toEqual(['0: a b (2)', '0: c d (4)', '0: e (5)'])
    await until(() => polls.length > polled)
    expect(polls.at(-1)?.partitions).toEqual([{ partition: 0, offset: 5, maxBytes: 1_000 }])
    fetcher.close()
  })

  it('drops what comes of a partition that was given up meanwhile', async () => {
    const { fetcher, got, polls } = reading({ 0: batch(0, 'a') })
    fetcher.start([start(0)])
    await until(() => polls.length === 1)
    fetcher.stop(0)
    await new Promise((resolve) => setTimeout(resolve, 30))
    fetcher.close()
    expect(got).toEqual([])
  })

  it('goes on with one broker while another fails', async () => {
    let broken = true
    const failure = new KafkaFailure('CONNECTION_LOST', 'gone', true)
    const { fetcher, got } = reading(
      { 0: batch(0, 'a'), 1: batch(0, 'b') },
      { broken: () => (broken ? failure : undefined) },
    )
    fetcher.start([start(0), start(1)])
    await until(() => got.length === 1)
    expect(got).toEqual(['1: b (1)'])
    broken = false
    await until(() => got.length === 2)
    fetcher.close()
  })

  it('ends for good when it may not read', async () => {
    const { fetcher, events } = reading(
      {},
      { broken: () => new KafkaFailure('TOPIC_AUTHORIZATION_FAILED', 'no', false) },
    )
    fetcher.start([start(0)])
    await until(() => events.length > 0)
    fetcher.close()
    expect(events).toEqual(['failed KafkaFailure: no'])
  })
})
