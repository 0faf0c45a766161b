import { type Case, type CaseTools, clean, range } from '../case.js'
import { failure, gate } from '../scene.js'

/** C11 bounded memory, and limits that a transport states. */
export const bounds = ({ expect, capabilities }: CaseTools): Case[] => [
  {
    name: '[C11] refuses one publish more than maxUnconfirmed, at once and for sure',
    async play(scene) {
      const topic = scene.topic({ partitions: 1 })
      const bus = await scene.bus({ maxUnconfirmed: 10 })
      await scene.subscribe(bus, topic)
      await scene.publish(bus, topic, 'k')
      const outcomes = await Promise.allSettled(range(15).map((n) => scene.publish(bus, topic, 'k', { n })))
      expect(outcomes.map(({ status }) => status)).toEqual(
        range(15).map((n) => (n < 10 ? 'fulfilled' : 'rejected')),
      )
      expect(outcomes[14]).toMatchObject({
        reason: { code: 'QUEUE_FULL', outcome: 'rejected', retryable: true },
      })
      await scene.publish(bus, topic, 'k')
      expect(await scene.handled(topic, 12)).toMatchObject(clean)
    },
  },
  {
    name: '[C11] holds no more of a backlog than the window of its partitions',
    async play(scene) {
      const topic = scene.topic({ partitions: 2, window: 25 })
      const bus = await scene.bus()
      await Promise.all(
        range(300).map((n) => scene.publish(bus, topic, `key ${n}`, { n, text: 'x'.repeat(30_000) })),
      )
      const all = gate()
      let most = 0
      const watch = (): number =>
        (most = Math.max(most, bus.status().subscriptions[0]?.bufferedMessages ?? 0))
      await scene.subscribe(bus, topic, async () => {
        watch()
        await all.opened
      })
      await scene.until(() => watch() >= 50, 'the full windows')
      all.open()
      expect(await scene.handled(topic, 300)).toMatchObject(clean)
      // What was asked for before intake was paused still comes in: up to two fetches of 1 MiB per partition.
      const slack = capabilities.pausable ? 150 : 0
      expect(most).toBeLessThanOrEqual(50 + slack)
    },
  },
  {
    name: capabilities.pausable
      ? '[C11] pauses intake at maxBufferedBytes, and goes on when there is room'
      : '[C11] refuses maxBufferedBytes below its worst case, and names the window that would fit',
    async play(scene) {
      const topic = scene.topic({ partitions: 1, window: 500 })
      const bus = await scene.bus()
      if (!capabilities.pausable) {
        const refused = scene.subscribe(bus, topic, undefined, { maxBufferedBytes: 50_000_000 })
        const error = await failure(refused)
        expect(error).toMatchObject({ name: 'ConfigError', problems: [{ path: 'maxBufferedBytes' }] })
        expect((error as Error).message.includes('50 would fit')).toBe(true)
        return
      }
      const all = gate()
      await Promise.all(
        range(300).map((n) => scene.publish(bus, topic, `key ${n}`, { n, text: 'x'.repeat(10_000) })),
      )
      const subscription = await scene.subscribe(bus, topic, () => all.opened, { maxBufferedBytes: 100_000 })
      await scene.until(() => subscription.status().partitions[0]?.full === 'bytes', 'the full buffer')
      all.open()
      expect(await scene.handled(topic, 300)).toMatchObject(clean)
    },
  },
  {
    name:
      capabilities.maxHandlerMs === undefined
        ? '[C5] lets a handler run as long as its handlerTimeoutMs says'
        : '[C5] refuses a handlerTimeoutMs that the broker would cut short',
    async play(scene) {
      const topic = scene.topic()
      const bus = await scene.bus()
      const subscribing = scene.subscribe(bus, topic, undefined, { handlerTimeoutMs: 3_600_000 })
      if (capabilities.maxHandlerMs === undefined || capabilities.maxHandlerMs >= 3_600_000) await subscribing
      else expect(await failure(subscribing)).toMatchObject({ problems: [{ path: 'handlerTimeoutMs' }] })
    },
  },
  {
    name: capabilities.stablePositions
      ? '[C14] goes on where skipTo says, and gives up what is before'
      : '[C14] refuses skipTo on a broker without positions',
    async play(scene) {
      const topic = scene.topic({ partitions: 1, window: 1 })
      const bus = await scene.bus()
      const stuck = gate()
      const done: unknown[] = []
      const subscription = await scene.subscribe(bus, topic, async ({ value }) => {
        if (value.n === 0) await stuck.opened
        done.push(value.n)
      })
      await scene.publish(bus, topic, 'k', { n: 0 })
      await scene.until(() => subscription.status().partitions[0]?.full === 'window', 'the first message')
      // From here on nothing is read but what one request already asked for.
      const positions: number[] = []
      for (const n of range(100))
        positions.push((await scene.publish(bus, topic, 'k', { n: n + 1 })).position ?? 0)
      const skipping = subscription.skipTo(0, positions[59] ?? 0)
      if (!capabilities.stablePositions) {
        expect(await failure(skipping)).toMatchObject({ code: 'CAPABILITY_MISSING' })
        stuck.open()
        await scene.handled(topic, 101)
        return
      }
      await skipping
      stuck.open()
      await scene.until(() => done.includes(100), 'what is after the position')
      expect(done.filter((n) => Number(n) >= 20)).toEqual(range(41).map((n) => n + 60))
    },
  },
]
