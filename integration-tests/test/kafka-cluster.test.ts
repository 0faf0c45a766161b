import { type Bus, connect, defineTopic, partitionOf, type Subscription } from '@waybill/core'
import { kafka } from '@waybill/kafka'
import {
  type BrokerEnvironment,
  createEnvironment,
  type KafkaHandle,
  type NodeHandle,
} from '@waybill/integration-tests/environment'
import { check, createRecorder, type Entry, listJournal } from '@waybill/testkit'
import { setTimeout as sleep } from 'node:timers/promises'
import { type ClusterView, viewCluster } from './kafka-cluster-view.js'
import { until } from './kafka-support.js'

jest.setTimeout(60_000)

interface Order {
  readonly customer: string
  readonly n: number
}

const orders = defineTopic<Order>({
  name: 'orders',
  key: ({ customer }) => customer,
  partitions: 6,
  groups: ['billing'],
})
const customers = Array.from({ length: 30 }, (_, n) => `customer-${n}`)

let environment: BrokerEnvironment
let cluster: KafkaHandle
let view: ClusterView
let publisher: Bus
let members: Bus[]
let subscriptions: Subscription[]
const journal: Entry[] = []
const recorder = createRecorder(listJournal('publisher', journal))

beforeAll(async () => {
  environment = await createEnvironment()
  cluster = await environment.kafka({ nodes: 3 })
  view = await viewCluster(cluster)
  const open = () => connect({ transport: kafka({ brokers: cluster.brokers }) })
  publisher = await open()
  members = [await open(), await open()]
  subscriptions = await Promise.all(
    members.map((bus, n) => {
      const handle = createRecorder(listJournal(`member-${n}`, journal)).handler<Order>(() => sleep(5))
      return bus.subscribe(orders, { group: 'billing' }, handle)
    }),
  )
}, 180_000)

afterAll(async () => {
  await Promise.all([publisher, ...(members ?? [])].map((bus) => bus?.close()))
  await view?.close()
  await environment?.stop()
}, 60_000)

/** Publishes about 300 messages a second, to all keys in turn and without waiting, while `during` runs. */
async function underLoad(during: () => Promise<void>): Promise<void> {
  const publishing: Promise<unknown>[] = []
  const over = new AbortController()
  const load = async () => {
    for (let n = 0; !over.signal.aborted; n++) {
      const customer = customers[n % customers.length] ?? ''
      publishing.push(recorder.publish(publisher, orders, { customer, n }))
      if (n % 6 === 5) await sleep(20)
    }
  }
  const loading = load()
  try {
    await during()
  } finally {
    over.abort()
    await loading
  }
  const settled = await Promise.allSettled(publishing)
  expect(settled.filter(({ status }) => status === 'rejected')).toEqual([])
  expect(settled.length).toBeGreaterThan(500)
}

/** A message to every partition; resolves to how long it took until all of them were stored. */
async function publishEverywhere(): Promise<number> {
  const since = performance.now()
  const { partitions } = orders.topology
  const keys = new Map(
    customers.map((customer) => [partitionOf(Buffer.from(customer), partitions), customer]),
  )
  expect(keys.size).toBe(partitions)
  await Promise.all(
    [...keys.values()].map((customer) => recorder.publish(publisher, orders, { customer, n: -1 })),
  )
  return performance.now() - since
}

async function expectAllHandledInOrder(): Promise<void> {
  const verdict = () => check(journal, { topic: 'orders', group: 'billing' })
  await until(() => verdict().lost.length === 0)
  const { unknown, unexpected, disordered, overlaps, abortedOverlaps } = verdict()
  expect({ unknown, unexpected, disordered, overlaps, abortedOverlaps }).toEqual({
    unknown: 0,
    unexpected: [],
    disordered: [],
    overlaps: [],
    abortedOverlaps: [],
  })
  expect(subscriptions.flatMap((subscription) => subscription.status().partitions)).toHaveLength(6)
}

async function back(node: NodeHandle): Promise<void> {
  await node.restart()
  await view.inSync()
}

async function someLeader(): Promise<NodeHandle> {
  const [leader] = (await view.leaders('orders')).values()
  if (leader === undefined) throw new Error('nothing is led')
  return leader
}

describe('a cluster of three nodes', () => {
  it('keeps three copies of a topic, two of which have what is acknowledged', async () => {
    const { topics } = await view.admin.fetchTopicMetadata({ topics: ['orders'] })
    expect(topics[0]?.partitions.map(({ replicas }) => replicas.length)).toEqual([3, 3, 3, 3, 3, 3])
    const { resources } = await view.admin.describeConfigs({
      includeSynonyms: false,
      resources: [{ type: 2, name: 'orders', configNames: ['min.insync.replicas'] }],
    })
    expect(resources[0]?.configEntries[0]?.configValue).toBe('2')
  })

  it('is not used for less than it can give, unless the bus takes topics as they are', async () => {
    const weak = defineTopic<Order>({ name: 'weak', partitions: 1 })
    await view.admin.createTopics({
      waitForLeaders: false,
      topics: [{ topic: 'weak', numPartitions: 1, replicationFactor: 1 }],
    })
    const transport = () => kafka({ brokers: cluster.brokers })
    await expect(connect({ transport: transport(), topics: [weak] })).rejects.toMatchObject({
      code: 'DURABILITY_WEAK',
      details: { replicas: 1, brokers: 3 },
    })
    const bus = await connect({ transport: transport(), topics: [weak], durability: 'as-is' })
    expect(bus.status().problems).toContainEqual(
      expect.objectContaining({ code: 'DURABILITY_WEAK', subject: 'topic weak' }),
    )
    await bus.close()
  })

  it('trap 1: loses nothing and keeps the order of every key when a leader is killed', async () => {
    await underLoad(async () => {
      await sleep(1_000)
      const leader = await someLeader()
      await leader.kill()
      expect(await publishEverywhere()).toBeLessThan(15_000)
      await back(leader)
    })
    await expectAllHandledInOrder()
  })

  it('is published to within seconds when a leader freezes, not when it thaws', async () => {
    await underLoad(async () => {
      const leader = await someLeader()
      await leader.pause()
      try {
        expect(await publishEverywhere()).toBeLessThan(12_000)
      } finally {
        await leader.resume()
      }
      await view.inSync()
    })
    await expectAllHandledInOrder()
  })

  it('keeps its members at work when the coordinator of their group is killed', async () => {
    await underLoad(async () => {
      const coordinator = await view.coordinator('orders.billing')
      await coordinator.kill()
      await publishEverywhere()
      await back(coordinator)
    })
    await expectAllHandledInOrder()
  })
})
