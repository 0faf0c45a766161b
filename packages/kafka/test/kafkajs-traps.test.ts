import { encodeRecordBatch } from '../src/wire/record-batch.js'

/**
 * Why kafkajs's own producer and consumer are not used: their parts over stubs, in which nothing is left to luck.
 * Our half of each is here, in publisher.test.ts or in the integration tests.
 */
interface ProduceCall {
  readonly topicData: readonly {
    readonly partitions: readonly {
      readonly partition: number
      readonly firstSequence: number
      readonly messages: readonly { readonly value: string }[]
    }[]
  }[]
}

type Send = (request: {
  acks: number
  topicMessages: { topic: string; messages: { partition: number; value: string }[] }[]
}) => Promise<unknown>

const createSendMessages = require('kafkajs/src/producer/sendMessages') as (parts: object) => Send
const createEosManager = require('kafkajs/src/producer/eosManager') as (parts: object) => {
  initProducerId(): Promise<void>
}
const groupMessagesPerPartition = require('kafkajs/src/producer/groupMessagesPerPartition') as (
  parts: object,
) => Record<number, unknown[]>
const createFetchManager = require('kafkajs/src/consumer/fetchManager') as (parts: object) => {
  start(): Promise<void>
  stop(): Promise<void>
}
const createRetry = require('kafkajs/src/retry') as (options: object) => unknown
const { KafkaJSProtocolError, KafkaJSConnectionClosedError } = require('kafkajs/src/errors') as Record<
  'KafkaJSProtocolError' | 'KafkaJSConnectionClosedError',
  new (...args: unknown[]) => Error
>

const logger: object = {
  debug: () => undefined,
  error: () => undefined,
  info: () => undefined,
  namespace: () => logger,
  warn: () => undefined,
}
const retrier = createRetry({ initialRetryTime: 1, retries: 5 })
const answer = (partition: number) => ({
  topics: [{ topicName: 't', partitions: [{ partition, errorCode: 0, baseOffset: '0' }] }],
})
const partitionsOf = ({ topicData }: ProduceCall) => topicData.flatMap(({ partitions }) => partitions)

function clusterOf(leaders: Record<number, object>, onRefresh: () => void = () => undefined) {
  return {
    retry: { retries: 5, initialRetryTime: 1 },
    targetTopics: new Set(['t']),
    isConnected: () => true,
    removeBroker: () => undefined,
    addMultipleTargetTopics: async () => undefined,
    refreshMetadataIfNecessary: async () => undefined,
    refreshMetadata: async () => onRefresh(),
    findTopicPartitionMetadata: () =>
      Object.keys(leaders).map((partition) => ({ partitionId: Number(partition) })),
    findLeaderForPartitions: (_: string, partitions: string[]) => {
      const byLeader: Record<string, number[]> = {}
      for (const partition of partitions.map(Number))
        (byLeader[(leaders[partition] as { nodeId: string }).nodeId] ??= []).push(partition)
      return byLeader
    },
    findBroker: async ({ nodeId }: { nodeId: string }) =>
      Object.values(leaders).find((broker) => (broker as { nodeId: string }).nodeId === nodeId),
    findControllerBroker: async () => ({
      initProducerId: async () => ({ producerId: '1', producerEpoch: 0 }),
    }),
  }
}

describe('kafkajs, sending as its documentation shows', () => {
  it('trap 1: acknowledges a message that it never sends again, when a leader moves to a broker that has answered already', async () => {
    const log: string[] = []
    const keep = (call: ProduceCall) => {
      for (const { messages } of partitionsOf(call)) log.push(...messages.map(({ value }) => value))
      return answer(0)
    }
    const first = { nodeId: 'first', produce: async (call: ProduceCall) => keep(call) }
    const second = {
      nodeId: 'second',
      produce: async () => {
        throw new KafkaJSProtocolError({
          type: 'NOT_LEADER_FOR_PARTITION',
          code: 6,
          message: 'moved',
          retriable: true,
        })
      },
    }
    const leaders: Record<number, object> = { 0: first, 1: second }
    const cluster = clusterOf(leaders, () => {
      leaders[1] = first
    })
    const eosManager = {
      acquireBrokerLock: async () => undefined,
      releaseBrokerLock: async () => undefined,
      isTransactional: () => false,
      getSequence: () => 0,
      updateSequence: () => undefined,
      getProducerId: () => -1,
      getProducerEpoch: () => 0,
    }
    const partitioner = ({ message }: { message: { partition: number } }) => message.partition
    const send = createSendMessages({ logger, cluster, partitioner, eosManager, retrier })
    const messages = [
      { partition: 0, value: 'kept' },
      { partition: 1, value: 'lost' },
    ]
    await expect(send({ acks: -1, topicMessages: [{ topic: 't', messages }] })).resolves.toBeDefined()
    expect(log).toEqual(['kept'])
  })

  it('trap 2: acknowledges a message that the broker took for another one, when two idempotent sends run at once and an answer is lost', async () => {
    const log: string[] = []
    const seen = new Map<number, number>()
    let isFirst = true
    const leader = {
      nodeId: 'leader',
      // As the broker does it: a batch with the numbers of one it has is answered as that one.
      produce: async (call: ProduceCall) => {
        const [{ firstSequence, messages } = { firstSequence: 0, messages: [] }] = partitionsOf(call)
        if (seen.get(firstSequence) !== messages.length) {
          seen.set(firstSequence, messages.length)
          log.push(...messages.map(({ value }) => value))
        }
        if (!isFirst) return answer(0)
        isFirst = false
        throw new KafkaJSConnectionClosedError('the answer is lost', { host: 'h', port: 1 })
      },
    }
    const cluster = clusterOf({ 0: leader })
    const eosManager = createEosManager({ logger, cluster, transactional: false })
    await eosManager.initProducerId()
    const send = createSendMessages({ logger, cluster, partitioner: () => 0, eosManager, retrier })
    const publish = (value: string) =>
      send({ acks: -1, topicMessages: [{ topic: 't', messages: [{ partition: 0, value }] }] })
    await expect(Promise.all([publish('a'), publish('b')])).resolves.toHaveLength(2)
    expect(log).not.toContain('b')
  })

  it('trap 8: stops everything else for long to sort a large batch; our encoder does not', () => {
    const value = Buffer.alloc(256)
    const messages = Array.from({ length: 20_000 }, () => ({ partition: 0, value }))
    const records = messages.map(() => ({ timeMs: 1, key: null, value, headers: [] }))
    const naiveMs = blockedMs(() => {
      const partitionMetadata = [{ partitionId: 0 }]
      const grouped = groupMessagesPerPartition({ partitionMetadata, messages, partitioner: () => 0 })
      expect(grouped[0]).toHaveLength(messages.length)
    })
    const oursMs = blockedMs(() => {
      const bytes = encodeRecordBatch(records, { id: 1n, epoch: 0, sequence: 0 })
      expect(bytes.length).toBeGreaterThan(messages.length * value.length)
    })
    expect(naiveMs).toBeGreaterThan(200)
    expect(oursMs).toBeLessThan(naiveMs / 5)
  })
})

describe('kafkajs, consuming as its documentation shows', () => {
  it('trap 8: reads nothing more from a broker while one of its partitions is slow', async () => {
    let finishSlow = (): void => undefined
    const slow = new Promise<void>((resolve) => {
      finishSlow = resolve
    })
    let polls = 0
    const handled: number[] = []
    const manager = createFetchManager({
      logger,
      getNodeIds: () => [1],
      concurrency: 2,
      fetch: async () => {
        if (++polls > 1) await ticks(10)
        return [0, 1].map((partition) => ({ topic: 't', partition }))
      },
      handler: async ({ partition }: { partition: number }) => {
        if (partition === 0) await slow
        handled.push(partition)
      },
    })
    const running = manager.start()
    await ticks(100)
    expect({ polls, handled }).toEqual({ polls: 1, handled: [1] })
    finishSlow()
    await ticks(100)
    expect(polls).toBeGreaterThan(1)
    await manager.stop()
    await running
  })
})

function blockedMs(task: () => void): number {
  const since = performance.now()
  task()
  return performance.now() - since
}

/** Turns of the event loop: enough for whatever needs nothing else. */
async function ticks(count: number): Promise<void> {
  for (let i = 0; i < count; i++) await new Promise((resolve) => setImmediate(resolve))
}
