import { setTimeout as sleep } from 'node:timers/promises'
import { PublishError, connect, isWaybillError } from '@waybill/core'
import { type CaseTools, clean, range } from '../case.js'
import { failure } from '../scene.js'
import type { Scene } from '../scene.js'

/**
 * A case that plays around one outage of the broker, which all of them share: it yields when it is ready for
 * the broker's death, and again when it is ready for its return.
 */
export interface OutageCase {
  readonly name: string
  play(scene: Scene): AsyncGenerator<void, void>
}

/** C13 recovery, and what C2, C3 and C12 promise while the broker is away. */
export const outage = ({ expect }: CaseTools): OutageCase[] => [
  {
    name: '[C3] keeps the call order of every key over a broker restart, and publishes wait for it',
    async *play(scene) {
      const topic = scene.topic({ partitions: 4 })
      const bus = await scene.bus({ publishTimeoutMs: 100_000 })
      const subscriber = await scene.bus()
      await scene.subscribe(subscriber, topic, () => sleep(2))
      const publishes: Promise<unknown>[] = []
      const burst = (count: number): void => {
        for (const n of range(count)) publishes.push(scene.publish(bus, topic, `key ${n % 12}`, { n }))
      }
      burst(100)
      await scene.handled(topic, 20)
      burst(300)
      yield
      burst(100)
      await sleep(500)
      burst(100)
      yield
      burst(100)
      await Promise.all(publishes)
      expect(await scene.drained(subscriber, topic, 700)).toMatchObject({ ...clean, stored: 700 })
    },
  },
  {
    name: '[C2] settles a publish within its publishTimeoutMs while the broker is away, and can publish it again',
    async *play(scene) {
      const topic = scene.topic({ partitions: 1 })
      const bus = await scene.bus({ publishTimeoutMs: 1_000 })
      await scene.subscribe(bus, topic)
      await scene.publish(bus, topic, 'k', { n: 0 })
      await scene.handled(topic, 1)
      yield
      const start = performance.now()
      const error = await failure(scene.publish(bus, topic, 'k', { n: 1 }, { id: `${topic.name}-again` }))
      expect(performance.now() - start).toBeLessThanOrEqual(3_000)
      expect(isWaybillError(error)).toBe(true)
      expect(error).toMatchObject({ name: 'PublishError', code: 'PUBLISH_TIMEOUT', retryable: true })
      yield
      if (!(error instanceof PublishError)) throw error
      const isStored = (): Promise<boolean> =>
        error.republish().then(
          () => true,
          () => false,
        )
      await scene.until(isStored, 'the broker to store it')
      await scene.until(() => isHandled(scene, topic.name, `${topic.name}-again`), 'the message in its group')
    },
  },
  {
    name: '[C13] shows the outage in status() and events while it lasts, and no longer',
    async *play(scene) {
      const topic = scene.topic({ partitions: 1 })
      const bus = await scene.bus()
      const states: string[] = []
      bus.on('connection', ({ state }) => void states.push(state))
      await scene.subscribe(bus, topic)
      await scene.publish(bus, topic, 'k')
      await scene.handled(topic, 1)
      const connections = (): string[] => Object.values(bus.status().connections)
      expect(connections().every((state) => state === 'connected')).toBe(true)
      yield
      await scene.until(
        () => connections().some((state) => state !== 'connected'),
        'a lost connection in status()',
      )
      yield
      await scene.until(() => connections().every((state) => state === 'connected'), 'every connection again')
      await scene.publish(bus, topic, 'k')
      expect(await scene.handled(topic, 2)).toMatchObject(clean)
      await scene.until(() => bus.status().problems.length === 0, 'no problem in status()')
      expect([states.includes('disconnected'), states.at(-1)]).toEqual([true, 'connected'])
    },
  },
  {
    name: '[C13] gives a member that is a process its partitions back',
    async *play(scene) {
      const options = scene.topicOptions({ partitions: 2 })
      const topic = scene.topic(options)
      const bus = await scene.bus({ topics: [topic], publishTimeoutMs: 100_000 })
      await scene.member(options)
      await scene.publish(bus, topic, 'k')
      await scene.handled(topic, 1)
      yield
      yield
      await Promise.all(range(20).map((n) => scene.publish(bus, topic, `key ${n}`, { n })))
      expect(await scene.drained(bus, topic, 21)).toMatchObject(clean)
    },
  },
  {
    name: '[C13] does not connect to a broker that is away, and says so',
    async *play(scene) {
      yield
      const transport = scene.harness.createTransport({ cuttable: false })
      const start = performance.now()
      const error = await failure(connect({ transport }))
      expect(error).toMatchObject({ name: 'ConnectionError', code: 'BROKER_UNREACHABLE', retryable: true })
      expect(performance.now() - start).toBeLessThanOrEqual(15_000)
      yield
    },
  },
  {
    name: '[C12] closes within its timeout while the broker is away, and settles what was being published',
    async *play(scene) {
      const topic = scene.topic({ partitions: 1 })
      const bus = await scene.bus()
      await scene.subscribe(bus, topic)
      await scene.publish(bus, topic, 'k')
      await scene.handled(topic, 1)
      yield
      const publishing = failure(scene.publish(bus, topic, 'k'))
      const start = performance.now()
      await bus.close({ timeoutMs: 500 })
      expect(performance.now() - start).toBeLessThanOrEqual(9_000)
      expect(await publishing).toMatchObject({ name: 'PublishError' })
      yield
    },
  },
]

const isHandled = (scene: Scene, topic: string, id: string): boolean => {
  const runs = new Set<string>()
  for (const entry of scene.entries()) {
    if (entry.type === 'started' && entry.topic === topic && entry.id === id)
      runs.add(`${entry.member}/${entry.run}`)
    if (entry.type === 'ended' && entry.ok && runs.has(`${entry.member}/${entry.run}`)) return true
  }
  return false
}
