import { type Case, type CaseTools, clean, range } from '../case.js'
import { gate } from '../scene.js'

/** C6 acknowledged after success, C7 few duplicates, C14 no surprises from handlers. */
export const acknowledging = ({ expect, capabilities }: CaseTools): Case[] => [
  {
    name: '[C6] tries a message whose handler threw again until it succeeds, and counts the attempts',
    async play(scene) {
      const topic = scene.topic({ partitions: 2 })
      const bus = await scene.bus()
      const attempts = new Map<string, number[]>()
      await scene.subscribe(bus, topic, ({ id, attempt }) => {
        attempts.set(id, [...(attempts.get(id) ?? []), attempt])
        if (attempt <= 3) throw new Error(`attempt ${attempt} fails`)
      })
      await Promise.all(range(100).map((n) => scene.publish(bus, topic, `key ${n % 50}`, { n })))
      expect(await scene.handled(topic, 100)).toMatchObject(clean)
      for (const list of attempts.values()) expect(list).toEqual([1, 2, 3, 4])
    },
  },
  {
    name: '[C6] keeps a message on the broker until its handler has succeeded',
    async play(scene) {
      const topic = scene.topic({ partitions: 1 })
      const bus = await scene.bus()
      const done = gate()
      const running = gate()
      await scene.subscribe(
        bus,
        topic,
        async () => {
          running.open()
          await done.opened
        },
        { commitIntervalMs: 50 },
      )
      await scene.publish(bus, topic, 'k')
      await running.opened
      expect(await scene.backlog(bus, topic)).toBe(1)
      done.open()
      await scene.until(async () => (await scene.backlog(bus, topic)) === 0, 'the acknowledgement')
    },
  },
  {
    name: '[C6] brings back the unfinished message, and no finished one, after 1 and 3 finished and the member died',
    async play(scene) {
      const options = scene.topicOptions({ partitions: 1 })
      const topic = scene.topic(options)
      const bus = await scene.bus()
      const victim = await scene.member(options, { commitIntervalMs: 50 })
      await scene.publish(bus, topic, 'one', { n: 1, sleepMs: 1_000 }, { id: `${topic.name}-1` })
      await scene.publish(bus, topic, 'two', { n: 2, sleepMs: 600_000 }, { id: `${topic.name}-2` })
      await scene.publish(bus, topic, 'three', { n: 3 }, { id: `${topic.name}-3` })
      await scene.handled(topic, 2)
      // Where the broker counts from the lowest unfinished message, 3 is in the record.
      const most = capabilities.acknowledgement === 'commit' ? 2 : 1
      await scene.until(async () => (await scene.backlog(bus, topic)) <= most, 'the acknowledgement')
      await victim.kill()
      await scene.member(options, { hurried: true })
      expect(await scene.drained(bus, topic, 3)).toMatchObject({ ...clean, duplicates: [`${topic.name}-2`] })
    },
  },
  {
    name: '[C7] delivers nothing twice over repeated graceful closes under load',
    async play(scene) {
      const topic = scene.topic({ partitions: 3 })
      const publisher = await scene.bus()
      const publishing = Promise.all(
        range(1_500).map((n) => scene.publish(publisher, topic, `key ${n % 30}`, { n })),
      )
      for (let round = 1; round <= 5; round += 1) {
        const bus = await scene.bus()
        await scene.subscribe(bus, topic)
        await scene.handled(topic, round * 200)
        await bus.close()
      }
      await publishing
      const last = await scene.bus()
      await scene.subscribe(last, topic)
      expect(await scene.drained(last, topic, 1_500)).toMatchObject({ ...clean, stored: 1_500 })
    },
  },
  {
    name: '[C7] goes on in the same bus where a closed subscription ended',
    async play(scene) {
      const topic = scene.topic({ partitions: 2 })
      const bus = await scene.bus()
      const first = await scene.subscribe(bus, topic)
      await Promise.all(range(50).map((n) => scene.publish(bus, topic, `key ${n % 5}`, { n })))
      await scene.handled(topic, 50)
      await first.close()
      expect([await first.closed(), first.status().state]).toEqual([undefined, 'closed'])
      await Promise.all(range(50).map((n) => scene.publish(bus, topic, `key ${n % 5}`, { n })))
      await scene.subscribe(bus, topic)
      expect(await scene.drained(bus, topic, 100)).toMatchObject(clean)
    },
  },
  {
    name: '[C14] survives whatever a handler throws, and tries the message again',
    async play(scene) {
      const topic = scene.topic({ partitions: 1 })
      const bus = await scene.bus()
      const noted: string[] = []
      bus.on('problem.noted', ({ problem }) => void noted.push(problem.code))
      const nothing = undefined as unknown as { readonly field: string }
      const frozen = Object.freeze(Object.create(null)) as unknown
      const throwing: (() => unknown)[] = [
        () => nothing.field,
        () => Promise.reject(new RangeError('rejected')),
        ...['a string', undefined, null, 0, frozen, Symbol('symbol')].map((thrown) => () => {
          throw thrown
        }),
        ...[undefined, null].map((reason) => () => Promise.reject(reason)),
      ]
      await scene.subscribe(bus, topic, ({ value, attempt }) =>
        attempt === 1 ? throwing[value.n ?? 0]?.() : undefined,
      )
      await Promise.all(throwing.map((_, n) => scene.publish(bus, topic, `key ${n}`, { n })))
      await scene.publish(bus, topic, 'after', { n: throwing.length })
      expect(await scene.handled(topic, throwing.length + 1)).toMatchObject(clean)
      expect(noted.filter((code) => code === 'HANDLER_FAILED').length).toBe(throwing.length)
      expect(bus.status()).toMatchObject({ state: 'connected', subscriptions: [{ state: 'running' }] })
    },
  },
  {
    name: '[C14] aborts the signal of a handler that runs into its timeout',
    async play(scene) {
      const topic = scene.topic({ partitions: 1 })
      const bus = await scene.bus()
      const untilAborted = (signal: AbortSignal): Promise<never> =>
        new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error)))
      const reasons: unknown[] = []
      const handler = async ({
        attempt,
        signal,
      }: {
        attempt: number
        signal: AbortSignal
      }): Promise<void> => {
        if (attempt > 1) return
        await untilAborted(signal).catch((reason: unknown) => {
          reasons.push(reason)
          throw reason
        })
      }
      await scene.subscribe(bus, topic, handler, { handlerTimeoutMs: 300 })
      await scene.publish(bus, topic, 'k')
      await scene.handled(topic, 1)
      expect(reasons.length).toBe(1)
      expect(reasons[0]).toMatchObject({ code: 'HANDLER_TIMEOUT' })
    },
  },
]
