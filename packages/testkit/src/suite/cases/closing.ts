import { setTimeout as sleep } from 'node:timers/promises'
import { type Case, type CaseTools, clean, range } from '../case.js'
import { failure, gate } from '../scene.js'

/** C12 close. */
export const closing = ({ expect }: CaseTools): Case[] => [
  {
    name: '[C12] lets running handlers finish, and publish, before anything is closed',
    async play(scene) {
      const topic = scene.topic({ partitions: 1 })
      const follow = scene.topic({ partitions: 1 })
      const bus = await scene.bus({ topics: [follow] })
      const running = gate()
      await scene.subscribe(bus, topic, async ({ key }) => {
        running.open()
        await sleep(300)
        await scene.publish(bus, follow, key)
      })
      await scene.publish(bus, topic, 'k')
      await running.opened
      const ending = bus.close()
      expect(bus.close()).toBe(ending)
      expect(await ending).toEqual({ finished: 1, aborted: 0, returned: 0 })
      expect([await bus.closed(), bus.status().state]).toEqual([undefined, 'closed'])
      const next = await scene.bus()
      await scene.subscribe(next, topic)
      await scene.subscribe(next, follow)
      await scene.publish(next, topic, 'k')
      expect(await scene.handled(topic, 2)).toMatchObject(clean)
      expect(await scene.handled(follow, 1)).toMatchObject({ ...clean, stored: 1 })
    },
  },
  {
    name: '[C12] says what it aborted and gave back when the time is up, and all of it comes again',
    async play(scene) {
      const topic = scene.topic({ partitions: 1 })
      const bus = await scene.bus()
      let aborted = 0
      const running = gate()
      const handler = ({ signal }: { signal: AbortSignal }): Promise<never> =>
        new Promise((_, reject) => {
          running.open()
          signal.addEventListener('abort', () => {
            aborted += 1
            reject(signal.reason as Error)
          })
        })
      const subscription = await scene.subscribe(bus, topic, handler)
      for (const key of ['a', 'a', 'a', 'b']) await scene.publish(bus, topic, key)
      await running.opened
      await scene.until(() => subscription.status().bufferedMessages === 4, 'all four messages')
      expect(await bus.close({ timeoutMs: 100 })).toEqual({ finished: 0, aborted: 2, returned: 2 })
      expect(aborted).toBe(2)
      const next = await scene.bus()
      await scene.subscribe(next, topic)
      expect(await scene.handled(topic, 4)).toMatchObject({ lost: [], disordered: [], overlaps: [] })
    },
  },
  {
    name: '[C12] does not wait with timeoutMs: 0',
    async play(scene) {
      const topic = scene.topic({ partitions: 1 })
      const bus = await scene.bus()
      const running = gate()
      await scene.subscribe(bus, topic, async () => {
        running.open()
        await sleep(20_000, undefined, { ref: false })
      })
      await scene.publish(bus, topic, 'k')
      await running.opened
      const start = performance.now()
      expect(await bus.close({ timeoutMs: 0 })).toEqual({ finished: 0, aborted: 1, returned: 0 })
      expect(performance.now() - start).toBeLessThanOrEqual(8_000)
    },
  },
  {
    name: '[C12] settles every publish that races the close: stored and delivered, or CLOSED',
    async play(scene) {
      const topic = scene.topic({ partitions: 2 })
      const bus = await scene.bus()
      const before = range(400).map((n) => scene.publish(bus, topic, `key ${n % 8}`, { n }))
      const ending = bus.close()
      const during: Promise<unknown>[] = []
      for (const n of range(100)) {
        during.push(scene.publish(bus, topic, `key ${n % 8}`, { n: 400 + n }))
        if (n % 10 === 0) await sleep(1)
      }
      const outcomes = await Promise.allSettled([...before, ...during])
      await ending
      const after = await failure(scene.publish(bus, topic, 'k'))
      expect(after).toMatchObject({ code: 'CLOSED' })
      const next = await scene.bus()
      await scene.subscribe(next, topic)
      const stored = outcomes.filter(({ status }) => status === 'fulfilled').length
      expect(stored).toBeGreaterThanOrEqual(before.length)
      for (const outcome of outcomes)
        if (outcome.status === 'rejected') expect(outcome).toMatchObject({ reason: { code: 'CLOSED' } })
      expect(await scene.drained(next, topic, stored)).toMatchObject({ ...clean, stored })
    },
  },
  {
    name: '[C12] closes several members at once, and the one that comes next gets everything else',
    async play(scene) {
      const topic = scene.topic({ partitions: 6 })
      const members = await Promise.all(range(5).map(() => scene.bus()))
      await Promise.all(members.map((bus) => scene.subscribe(bus, topic, () => sleep(5))))
      const publisher = await scene.bus()
      const publishing = Promise.all(
        range(300).map((n) => scene.publish(publisher, topic, `key ${n % 24}`, { n })),
      )
      await scene.handled(topic, 50)
      await Promise.all(members.map((bus) => bus.close()))
      await publishing
      const last = await scene.bus()
      await scene.subscribe(last, topic)
      expect(await scene.drained(last, topic, 300)).toMatchObject({ ...clean, stored: 300 })
    },
  },
  {
    name: '[C12] starts no handler while paused, and goes on after resume',
    async play(scene) {
      const topic = scene.topic({ partitions: 1 })
      const bus = await scene.bus()
      const subscription = await scene.subscribe(bus, topic)
      await scene.publish(bus, topic, 'k')
      await scene.handled(topic, 1)
      await subscription.pause()
      await Promise.all(range(5).map((n) => scene.publish(bus, topic, 'k', { n })))
      await scene.until(() => subscription.status().bufferedMessages > 0, 'a message in the buffer')
      expect(subscription.status()).toMatchObject({ state: 'paused', running: 0 })
      expect(scene.verdict(topic).handled).toBe(1)
      subscription.resume()
      expect(await scene.handled(topic, 6)).toMatchObject(clean)
    },
  },
]
