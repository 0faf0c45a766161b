import { type Bus, connect, defineTopic } from '@waybill/core'
import { kafka } from '@waybill/kafka'
import type { PartitionEpoch, Transport, TransportConsumer, TransportPublisher } from '@waybill/core/spi'
import {
  type BrokerEnvironment,
  createEnvironment,
  type KafkaHandle,
} from '@waybill/integration-tests/environment'
import { check, createProxy, createRecorder, type Entry, listJournal, type Proxy } from '@waybill/testkit'
import { Kafka, logLevel } from 'kafkajs'
import { setTimeout as sleep } from 'node:timers/promises'
import {
  batch,
  context,
  publish,
  type RecordingContext,
  type RecordingMembership,
  recordingMembership,
  topology,
  until,
} from './kafka-support.js'

jest.setTimeout(60_000)

let environment: BrokerEnvironment
let broker: KafkaHandle
let proxy: Proxy
let surroundings: RecordingContext
let transport: Transport
let proxied: Transport
let publisher: TransportPublisher
const consumers: TransportConsumer[] = []

beforeAll(async () => {
  environment = await createEnvironment()
  proxy = await createProxy({ protocol: 'kafka' })
  broker = await environment.kafka({ proxyPort: proxy.port })
  proxy.forwardTo(broker.listeners.PROXIED?.[0] ?? '')
  surroundings = context()
  transport = kafka({
    brokers: broker.brokers,
    sessionTimeoutMs: 6_000,
    requestTimeoutMs: 2_000,
    metadataMaxAgeMs: 500,
  })
  proxied = kafka({ brokers: [proxy.address], sessionTimeoutMs: 6_000 })
  await transport.connect(surroundings)
  await proxied.connect(context())
  publisher = await transport.openPublisher()
}, 180_000)

afterEach(async () => {
  proxy.clear()
  await Promise.all(consumers.splice(0).map((consumer) => consumer.leave()))
})

afterAll(async () => {
  await publisher?.close()
  await transport?.close()
  await proxied?.close()
  await environment?.stop()
  await proxy?.close()
}, 60_000)

interface Joined {
  readonly consumer: TransportConsumer
  readonly membership: RecordingMembership
}

async function join(
  topic: string,
  membership = recordingMembership(),
  through = transport,
  handlerTimeoutMs = 20_000,
): Promise<Joined> {
  const request = {
    topic: topology(topic, { partitions: 6 }),
    group: 'billing',
    memberId: 'm',
    handlerTimeoutMs,
  }
  const consumer = await through.openConsumer(request, membership)
  consumers.push(consumer)
  return { consumer, membership }
}

const six = [0, 1, 2, 3, 4, 5]

describe('members of a Kafka group', () => {
  it('share the partitions, and keep what balance lets them keep', async () => {
    await transport.declare(topology('share', { partitions: 6 }))
    const first = await join('share')
    expect(first.membership.held()).toEqual(six)
    const second = await join('share')
    await until(() => second.membership.held().length === 3 && first.membership.held().length === 3)
    expect([...first.membership.held(), ...second.membership.held()].toSorted((a, b) => a - b)).toEqual(six)
    const [before, kept] = [first.membership.held(), second.membership.held()]
    const third = await join('share')
    await until(
      () =>
        third.membership.held().length === 2 &&
        first.membership.held().length === 2 &&
        second.membership.held().length === 2,
    )
    expect(before).toEqual(expect.arrayContaining(first.membership.held()))
    expect(kept).toEqual(expect.arrayContaining(second.membership.held()))
  })

  it('trap 5: give partitions up only when running handlers have finished, however long after the session timeout that is', async () => {
    await transport.declare(topology('drain', { partitions: 6 }))
    await publish(publisher, batch('drain', 0, ['a', 'b']))
    let acknowledged = 0
    const membership = recordingMembership(async (list: readonly PartitionEpoch[]) => {
      if (acknowledged > 0) return
      // Longer than the session timeout of 6 s.
      await sleep(8_000)
      for (const { partition, epoch } of list.filter((held) => held.partition === 0)) {
        await first.consumer.acknowledge(partition, epoch, { next: 1, finished: [0], record: 'kept' })
        acknowledged++
      }
    })
    const first = await join('drain', membership)
    await until(() => membership.bodies(0).length === 2)
    const second = await join('drain')
    expect(acknowledged).toBe(1)
    expect(membership.log).toContain('revoked')
    expect(membership.log.some((line) => line.startsWith('lost'))).toBe(false)
    const holder =
      [first, second].find((member) => member.membership.held().includes(0)) ??
      (await neverNobody(first, second))
    expect(holder.membership.assignmentOf(0)).toMatchObject({ position: 1, record: 'kept' })
  })

  it('trap 5: that lose their session are told, and what they acknowledge afterwards is dropped', async () => {
    await transport.declare(topology('expelled', { partitions: 6 }))
    await publish(publisher, batch('expelled', 0, ['a', 'b', 'c']))
    const cut = await join('expelled', recordingMembership(), proxied)
    await until(() => cut.membership.bodies(0).length === 3)
    const epoch = cut.membership.epochOf(0)
    const other = await join('expelled', recordingMembership())
    await until(() => other.membership.held().length === 3 && cut.membership.held().length === 3)
    const [victim] = cut.membership.held()
    if (victim === undefined) throw new Error('the member that is cut off holds nothing')
    const victimEpoch = cut.membership.epochOf(victim)
    proxy.blackhole('both')
    await until(() => cut.membership.log.some((line) => line.startsWith('lost')), 15_000)
    expect(cut.membership.held()).toEqual([])
    await until(() => other.membership.held().length === 6)
    await expect(
      cut.consumer.acknowledge(0, epoch, { next: 3, finished: [0, 1, 2], record: 'stale' }),
    ).resolves.toBeUndefined()
    await expect(
      cut.consumer.acknowledge(victim, victimEpoch, { next: 3, finished: [], record: 'stale' }),
    ).resolves.toBeUndefined()
    proxy.clear()
    await until(() => cut.membership.held().length === 3)
    expect(
      cut.membership.assignments
        .concat(other.membership.assignments)
        .every(({ record }) => record === undefined),
    ).toBe(true)
  })

  it('take over the partitions of one that leaves, at once', async () => {
    await transport.declare(topology('leaving', { partitions: 6 }))
    const first = await join('leaving')
    const second = await join('leaving')
    await until(() => first.membership.held().length === 3 && second.membership.held().length === 3)
    const start = performance.now()
    await second.consumer.leave()
    await until(() => first.membership.held().length === 6)
    expect(performance.now() - start).toBeLessThan(5_000)
  })

  it('stand by when there are more of them than partitions', async () => {
    await transport.declare(topology('standby', { partitions: 1 }))
    const request = {
      topic: topology('standby', { partitions: 1 }),
      group: 'billing',
      memberId: 'm',
      handlerTimeoutMs: 5_000,
    }
    const memberships = [recordingMembership(), recordingMembership()]
    for (const membership of memberships) consumers.push(await transport.openConsumer(request, membership))
    await until(() => memberships.flatMap((membership) => membership.held()).length === 1)
    const holder = memberships.findIndex((membership) => membership.held().length === 1)
    await consumers[holder]?.leave()
    await until(() => memberships[1 - holder]?.held().length === 1)
    expect(memberships[holder]?.failures).toEqual([])
  })

  it('are let in only when those that hold partitions have finished', async () => {
    await transport.declare(topology('patient', { partitions: 6 }))
    let release = (): void => undefined
    const held = new Promise<void>((resolve) => {
      release = resolve
    })
    await join(
      'patient',
      recordingMembership(() => held),
    )
    const request = {
      topic: topology('patient', { partitions: 6 }),
      group: 'billing',
      memberId: 'm',
      handlerTimeoutMs: 20_000,
    }
    surroundings.states.length = 0
    const joining = transport.openConsumer(request, recordingMembership())
    // Several request timeouts and looks for leaders: neither may disturb the join.
    const outcome = await Promise.race([joining.then(() => 'joined'), sleep(6_000).then(() => 'waiting')])
    expect(outcome).toBe('waiting')
    release()
    consumers.push(await joining)
    expect(surroundings.states.filter(({ state }) => state === 'disconnected')).toEqual([])
  }, 60_000)
})

async function neverNobody(...members: readonly Joined[]): Promise<Joined> {
  await until(() => members.some(({ membership }) => membership.held().includes(0)))
  return members.find(({ membership }) => membership.held().includes(0))!
}

describe('a member that joins while handlers run', () => {
  it('trap 5: is given keys that still run elsewhere, when kafkajs reads ahead of handlers that it does not wait for', async () => {
    await transport.declare(topology('naive-join', { partitions: 6 }))
    for (const partition of six) await publish(publisher, batch('naive-join', partition, ['work']))
    const handlers = gate()
    const member = async () => {
      const running = new Set<number>()
      const consumer = raw().consumer({
        groupId: 'naive-join',
        heartbeatInterval: 200,
        maxWaitTimeInMs: 100,
      })
      await consumer.connect()
      await consumer.subscribe({ topic: 'naive-join', fromBeginning: true })
      await consumer.run({
        // Commits come after the handlers: nothing is lost, and nothing keeps the partition either.
        autoCommit: false,
        eachMessage: async ({ partition }) => {
          running.add(partition)
          void handlers.opened.then(() => running.delete(partition))
        },
      })
      return { consumer, running }
    }
    const first = await member()
    await until(() => first.running.size === 6)
    const second = await member()
    await until(() => second.running.size > 0)
    expect([...second.running].filter((partition) => first.running.has(partition))).not.toEqual([])
    handlers.open()
    await Promise.all([first.consumer.disconnect(), second.consumer.disconnect()])
  })

  it('trap 5: is given a key only when its handler has finished elsewhere, and no commit goes backwards', async () => {
    const topic = defineTopic<string>({
      name: 'joined',
      key: (text) => text,
      partitions: 6,
      groups: ['billing'],
    })
    const journal: Entry[] = []
    const handlers = gate()
    const open = () => connect({ transport: kafka({ brokers: broker.brokers }) })
    const [one, two] = [await open(), await open()]
    const subscribe = (bus: Bus, name: string) =>
      bus.subscribe(
        topic,
        { group: 'billing' },
        createRecorder(listJournal(name, journal)).handler<string>(() => handlers.opened),
      )
    const started = () => journal.filter(({ type }) => type === 'started')
    const keys = Array.from({ length: 12 }, (_, n) => `key-${n}`)
    const publishing = createRecorder(listJournal('publisher', journal))
    await subscribe(one, 'one')
    // Twice: of every key one runs when the second member comes, and one waits.
    for (const key of [...keys, ...keys]) await publishing.publish(one, topic, key)
    await until(() => started().length === keys.length)
    const joining = subscribe(two, 'two')
    const commits = await watchCommits('joined')
    await until(async () => (await commits.groupState()) === 'PreparingRebalance')
    await sleep(5_000)
    expect(started()).toHaveLength(keys.length)
    handlers.open()
    await joining
    await until(() => started().length === 2 * keys.length)
    await Promise.all([one.close(), two.close()])
    const { backwards, committed } = await commits.stop()
    expect(backwards).toEqual([])
    expect(committed).toBeGreaterThan(0)
    expect(new Set(started().map(({ member }) => member))).toEqual(new Set(['one', 'two']))
    expect(check(journal, { topic: 'joined', group: 'billing' })).toMatchObject({
      lost: [],
      disordered: [],
      overlaps: [],
      abortedOverlaps: [],
      duplicates: [],
    })
  })
})

const raw = () => new Kafka({ brokers: [...broker.brokers], logLevel: logLevel.NOTHING })

/** What handlers wait for until the test lets them finish. */
function gate(): { readonly opened: Promise<void>; open(): void } {
  let open = (): void => undefined
  const opened = new Promise<void>((resolve) => {
    open = resolve
  })
  return { opened, open: () => open() }
}

/** Notes every step backwards of what the topic's group has committed, until it is stopped. */
async function watchCommits(topic: string) {
  const groupId = `${topic}.billing`
  const admin = raw().admin()
  await admin.connect()
  const backwards: string[] = []
  const last = new Map<number, number>()
  const over = new AbortController()
  const look = async () => {
    const [found] = await admin.fetchOffsets({ groupId, topics: [topic] })
    for (const { partition, offset } of found?.partitions ?? []) {
      const before = last.get(partition) ?? -1
      if (Number(offset) < before) backwards.push(`${partition}: ${before} to ${offset}`)
      last.set(partition, Number(offset))
    }
  }
  const watching = (async () => {
    for (; !over.signal.aborted; await sleep(100)) await look()
    await look()
    await admin.disconnect()
  })()
  return {
    groupState: async () => (await admin.describeGroups([groupId])).groups[0]?.state,
    async stop() {
      over.abort()
      await watching
      return { backwards, committed: Math.max(...last.values()) }
    },
  }
}
