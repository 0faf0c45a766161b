import { setTimeout as sleep } from 'node:timers/promises'
import { type Case, type CaseTools, clean, range } from '../case.js'
import { gate } from '../scene.js'

/** C4 one at a time per key, C5 concurrency beyond partitions. */
export const ordering = ({ expect, capabilities }: CaseTools): Case[] => [
  {
    name: '[C4] runs one message of a key at a time and in order, while many keys run at once',
    async play(scene) {
      const topic = scene.topic({ partitions: 3 })
      const bus = await scene.bus()
      let running = 0
      let most = 0
      const handler = async ({ value }: { value: { n?: number } }): Promise<void> => {
        most = Math.max(most, (running += 1))
        await sleep((value.n ?? 0) % 5)
        running -= 1
      }
      await scene.subscribe(bus, topic, handler, { concurrency: 32 })
      await Promise.all(range(1_000).map((n) => scene.publish(bus, topic, `key ${n % 40}`, { n })))
      expect(await scene.handled(topic, 1_000)).toMatchObject(clean)
      expect(most).toBeGreaterThan(8)
      expect(most).toBeLessThanOrEqual(32)
    },
  },
  {
    name: '[C4] withholds the next message of a key until the handler has ended',
    async play(scene) {
      const topic = scene.topic({ partitions: 1 })
      const bus = await scene.bus()
      const first = gate()
      const started: unknown[] = []
      await scene.subscribe(bus, topic, async ({ value }) => {
        started.push(value.n)
        if (value.n === 1) await first.opened
      })
      for (const n of [1, 2]) await scene.publish(bus, topic, 'held', { n })
      await scene.publish(bus, topic, 'free', { n: 3 })
      await scene.until(() => started.includes(3), 'the other key')
      expect(started).toEqual([1, 3])
      first.open()
      expect(await scene.handled(topic, 3)).toMatchObject(clean)
    },
  },
  {
    name: '[C4] keeps the order of a key when handlers fail, and other keys do not wait for it',
    async play(scene) {
      const topic = scene.topic({ partitions: 2 })
      const bus = await scene.bus()
      const failed = new Set<string>()
      await scene.subscribe(bus, topic, ({ id, value }) => {
        if ((value.n ?? 0) % 7 !== 0 || failed.has(id)) return
        failed.add(id)
        throw new Error('the first attempt fails')
      })
      await Promise.all(range(420).map((n) => scene.publish(bus, topic, `key ${n % 10}`, { n })))
      expect(await scene.handled(topic, 420)).toMatchObject(clean)
      expect(failed.size).toBe(60)
    },
  },
  {
    name: '[C4] runs messages without a key at the same time',
    async play(scene) {
      const topic = scene.topic({ partitions: 1 })
      const bus = await scene.bus()
      const all = gate()
      let running = 0
      await scene.subscribe(bus, topic, async () => {
        running += 1
        await all.opened
      })
      for (const n of range(10)) await scene.publish(bus, topic, undefined, { n })
      await scene.until(() => running === 10, 'ten handlers at once')
      all.open()
      expect(await scene.handled(topic, 10)).toMatchObject(clean)
    },
  },
  {
    name: '[C5] runs as many keys of one partition at once as concurrency allows',
    async play(scene) {
      const topic = scene.topic({ partitions: 1 })
      const bus = await scene.bus()
      const all = gate()
      let running = 0
      await scene.subscribe(
        bus,
        topic,
        async () => {
          running += 1
          await all.opened
          running -= 1
        },
        { concurrency: 8 },
      )
      for (const n of range(20)) await scene.publish(bus, topic, `key ${n}`, { n })
      await scene.until(() => running === 8, 'eight handlers at once')
      expect(bus.status().subscriptions[0]).toMatchObject({ running: 8 })
      all.open()
      expect(await scene.handled(topic, 20)).toMatchObject(clean)
    },
  },
  {
    name: '[C5] lets a slow key delay only itself until its backlog fills the window, and names it',
    async play(scene) {
      const topic = scene.topic({ partitions: 1, window: 20 })
      const bus = await scene.bus()
      const slow = gate()
      await scene.subscribe(bus, topic, async ({ key }) => {
        if (key === 'slow') await slow.opened
      })
      await scene.publish(bus, topic, 'slow')
      for (const n of range(30)) await scene.publish(bus, topic, `key ${n}`, { n })
      await scene.handled(topic, 30)
      for (const n of range(40)) await scene.publish(bus, topic, 'slow', { n })
      const partition = (): unknown => bus.status().subscriptions[0]?.partitions[0]
      await scene.until(() => (partition() as { full?: string }).full === 'window', 'the full window')
      expect(partition()).toMatchObject({ full: 'window', running: 1, oldest: { key: 'slow', attempt: 1 } })
      slow.open()
      expect(await scene.handled(topic, 71)).toMatchObject(clean)
      await scene.until(() => (partition() as { full?: string }).full === undefined, 'room in the window')
    },
  },
  {
    name: '[C5] takes in other keys whenever the window has room, although a slow key fills most of it',
    async play(scene) {
      const topic = scene.topic({ partitions: 1, window: 20 })
      const bus = await scene.bus()
      const slow = gate()
      const quick = gate()
      const handler = ({ key }: { key: string | undefined }): Promise<void> =>
        (key === 'slow' ? slow : quick).opened
      const subscription = await scene.subscribe(bus, topic, handler, { concurrency: 20 })
      for (const n of range(15)) await scene.publish(bus, topic, 'slow', { n })
      for (const n of range(5)) await scene.publish(bus, topic, `key ${n}`, { n })
      await scene.until(() => subscription.status().partitions[0]?.full === 'window', 'the full window')
      quick.open()
      for (const n of range(20)) await scene.publish(bus, topic, `later ${n}`, { n })
      await scene.handled(topic, 25)
      slow.open()
      expect(await scene.handled(topic, 40)).toMatchObject(clean)
    },
  },
  {
    name:
      capabilities.progressBytes > 0
        ? '[C5] stalls only the partition whose progress record is full, and says so'
        : '[C5] needs no progress record: the broker itself remembers every message',
    async play(scene) {
      const topic = scene.topic({ partitions: 1, window: 2_000 })
      const bus = await scene.bus()
      const slow = gate()
      await scene.subscribe(bus, topic, async ({ key }) => {
        if (key === 'slow') await slow.opened
      })
      // Every other message is finished: that takes the most room in a record.
      const publishes = range(3_800).map((n) =>
        scene.publish(bus, topic, n % 2 === 0 ? 'slow' : `key ${n % 32}`, { n }),
      )
      await Promise.all(publishes)
      const full = (): unknown => bus.status().subscriptions[0]?.partitions[0]?.full
      if (capabilities.progressBytes > 0)
        await scene.until(() => full() === 'progress', 'the full progress record')
      else await scene.handled(topic, 1_900)
      slow.open()
      expect(await scene.handled(topic, 3_800)).toMatchObject(clean)
    },
  },
]
