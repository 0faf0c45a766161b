import { setTimeout as sleep } from 'node:timers/promises'
import { type PublishOutcome, bytes, defineTopic } from '@waybill/core'
import { type Case, type CaseTools, clean, range } from '../case.js'
import { observing } from '../observing.js'
import { failure } from '../scene.js'

/** C1 stored, C2 three outcomes, C3 publish order. */
export const publishing = ({ expect, capabilities }: CaseTools): Case[] => [
  {
    name: '[C1] delivers what was published: value, key, headers, id, time and type',
    async play(scene) {
      const topic = scene.topic()
      const bus = await scene.bus({ source: 'urn:conformance' })
      const got: unknown[] = []
      await scene.subscribe(
        bus,
        topic,
        ({ id, key, value, headers, time, topic: name, group, attempt, republished, rawHeaders }) => {
          const given = {
            id,
            key,
            value,
            headers: { ...headers },
            timeMs: time.getTime(),
            name,
            group,
            attempt,
            republished,
          }
          got.push({ ...given, hasRawHeaders: rawHeaders.length > 0 })
        },
      )
      const timeMs = Date.UTC(2026, 1, 3, 4, 5, 6, 789)
      const headers = {
        'x-tenant': 'ä €',
        traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
      }
      await scene.publish(
        bus,
        topic,
        'kö',
        { text: 'ü\n"', n: -1.5 },
        { id: 'the-id', time: new Date(timeMs), headers },
      )
      await scene.handled(topic, 1)
      const message = { id: 'the-id', key: 'kö', value: { text: 'ü\n"', n: -1.5 }, headers, timeMs }
      const delivery = { name: topic.name, group: 'g', attempt: 1, republished: false, hasRawHeaders: true }
      expect(got).toEqual([{ ...message, ...delivery }])
    },
  },
  {
    name: '[C1] keeps apart no key, an empty key, and every body there is',
    async play(scene) {
      const topic = defineTopic({ ...scene.topicOptions({ partitions: 1 }), codec: bytes, tombstones: true })
      const bus = await scene.bus()
      const got: unknown[] = []
      await bus.subscribe(topic, { group: 'g' }, ({ key, value, bytes: body }) => {
        got.push([key, value === null ? null : [...value], body === null ? null : body.length])
      })
      const all = Uint8Array.from(range(256))
      await bus.publish(topic, all, { key: '' })
      await bus.publish(topic, new Uint8Array(0), { key: '' })
      await bus.publish(topic, null, { key: '' })
      await bus.publish(topic, all)
      await scene.until(() => got.length === 4, 'four messages')
      const whole = ['', [...all], 256]
      expect(got.filter((entry) => (entry as unknown[])[0] === '')).toEqual([
        whole,
        ['', [], 0],
        ['', null, null],
      ])
      expect(got.filter((entry) => (entry as unknown[])[0] === undefined)).toEqual([
        [undefined, ...whole.slice(1)],
      ])
    },
  },
  {
    name: '[C1] tells the partition of what it stored, and its position where there are positions',
    async play(scene) {
      const topic = scene.topic({ partitions: 3 })
      const bus = await scene.bus()
      const got = new Map<string, unknown>()
      await scene.subscribe(
        bus,
        topic,
        ({ id, partition, position }) => void got.set(id, { partition, position }),
      )
      const receipts = await Promise.all(range(12).map((n) => scene.publish(bus, topic, `key ${n}`)))
      await scene.handled(topic, 12)
      for (const { id, partition, position, topic: name, storedIn } of receipts) {
        expect({ name, storedIn }).toEqual({ name: topic.name, storedIn: bus.status().transport })
        expect(got.get(id)).toEqual({ partition, position })
        expect(typeof position).toBe(capabilities.stablePositions ? 'number' : 'undefined')
      }
    },
  },
  {
    name: '[C1] stores everything that several publishers send at once, exactly once',
    async play(scene) {
      const topic = scene.topic({ partitions: 4 })
      const buses = await Promise.all(range(4).map(() => scene.bus()))
      const subscriber = await scene.bus()
      await scene.subscribe(subscriber, topic, () => sleep(1), { concurrency: 50 })
      await Promise.all(
        buses.flatMap((bus, b) => range(500).map((n) => scene.publish(bus, topic, `${b}-${n % 32}`, { n }))),
      )
      expect(await scene.drained(subscriber, topic, 2_000)).toMatchObject({ ...clean, stored: 2_000 })
    },
  },
  {
    name: '[C1] publishes a list in order and answers in order, also when one of it is refused',
    async play(scene) {
      const topic = scene.topic({ partitions: 1 })
      const bus = await scene.bus()
      const got: unknown[] = []
      await bus.subscribe(topic, { group: 'g' }, ({ value }) => void got.push(value.n))
      const values = range(100).map((n) => (n === 50 ? { n, text: 'x'.repeat(1_100_000) } : { n }))
      const outcomes = await bus.publishMany(topic, values, { key: 'k' })
      const expected = values.filter(({ n }) => n !== 50)
      await scene.until(() => got.length === expected.length, 'the rest of the list')
      expect(got).toEqual(expected.map(({ n }) => n))
      expect(outcomes.map(({ status }: PublishOutcome) => status)).toEqual(
        values.map(({ n }) => (n === 50 ? 'rejected' : 'stored')),
      )
    },
  },
  {
    name: '[C2] refuses a message above the limit for sure, and nothing beside it',
    async play(scene) {
      const topic = scene.topic()
      const bus = await scene.bus()
      await scene.subscribe(bus, topic)
      const [before, tooLarge, after] = await Promise.allSettled([
        scene.publish(bus, topic, 'k', { n: 1 }),
        scene.publish(bus, topic, 'k', { text: 'x'.repeat(1_100_000) }),
        scene.publish(bus, topic, 'k', { n: 3 }),
      ])
      expect([before.status, tooLarge.status, after.status]).toEqual(['fulfilled', 'rejected', 'fulfilled'])
      expect(tooLarge).toMatchObject({
        reason: { code: 'MESSAGE_TOO_LARGE', outcome: 'rejected', retryable: false },
      })
      expect(await scene.handled(topic, 2)).toMatchObject(clean)
    },
  },
  {
    name: '[C2] delivers a message just below the limit',
    async play(scene) {
      const topic = scene.topic()
      const bus = await scene.bus()
      await scene.subscribe(bus, topic)
      await scene.publish(bus, topic, 'k', { text: 'x'.repeat(990_000) })
      expect(await scene.handled(topic, 1)).toMatchObject(clean)
    },
  },
  {
    name: '[C2] settles a publish to a topic that vanished: stored again, or with a code, in time',
    async play(scene) {
      const { removeTopic } = scene.harness.faults
      const options = scene.topicOptions({ partitions: 1 })
      const topic = scene.topic(options)
      const bus = await scene.bus({ publishTimeoutMs: 4_000 })
      await scene.publish(bus, topic, 'k')
      // A broker that cannot lose a topic has to store the second message like the first.
      const groups = topic.topology.groups.map((group) => group.name)
      await removeTopic?.(topic.name, groups, topic.topology.partitions)
      const start = performance.now()
      const outcome = await scene.publish(bus, topic, 'k').then(
        () => ({ outcome: 'stored' }),
        (error: unknown) => error,
      )
      expect(performance.now() - start).toBeLessThanOrEqual(6_000)
      const { outcome: kind } = outcome as { readonly outcome: string }
      const possible = removeTopic === undefined ? ['stored'] : ['stored', 'rejected', 'unknown']
      expect(possible.includes(kind)).toBe(true)
      // What is "stored" must be there for the group.
      if (kind !== 'stored') return
      await scene.subscribe(bus, topic)
      await scene.until(() => scene.verdict(topic).handled > 0, 'the message that was stored again')
    },
  },
  {
    name: '[C2] gives up a publish whose signal has aborted, before it is sent',
    async play(scene) {
      const topic = scene.topic()
      const bus = await scene.bus()
      await scene.subscribe(bus, topic)
      const aborted = failure(scene.publish(bus, topic, 'k', { n: 1 }, { signal: AbortSignal.abort() }))
      await scene.publish(bus, topic, 'k', { n: 2 })
      expect(await aborted).toMatchObject({ code: 'PUBLISH_ABORTED', outcome: 'rejected' })
      expect(await scene.handled(topic, 1)).toMatchObject(clean)
    },
  },
  {
    name: '[C3] keeps the call order of every key, awaited or not',
    async play(scene) {
      const topic = scene.topic({ partitions: 4 })
      const bus = await scene.bus()
      const other = await scene.bus()
      await scene.subscribe(bus, topic, () => undefined, { concurrency: 64 })
      const calls: Promise<unknown>[] = []
      for (const n of range(1_000)) {
        calls.push(
          scene.publish(bus, topic, `key ${n % 16}`, { n }),
          scene.publish(other, topic, `key ${n % 16}`, { n }),
        )
        if (n % 250 === 0) await calls.at(-1)
      }
      await Promise.all(calls)
      expect(await scene.drained(bus, topic, 2_000)).toMatchObject({ ...clean, stored: 2_000 })
    },
  },
  {
    name:
      capabilities.inFlightPerPartition === 1
        ? '[C3] has one batch of a partition unconfirmed at once, while the next one gathers'
        : '[C3] has several batches of a partition unconfirmed at once',
    async play(scene) {
      const topic = scene.topic({ partitions: 1 })
      const { bus, sends } = await observing(scene, { maxBatchMessages: 10 })
      await scene.subscribe(bus, topic)
      await Promise.all(range(300).map((n) => scene.publish(bus, topic, 'k', { n })))
      expect(await scene.handled(topic, 300)).toMatchObject(clean)
      if (capabilities.inFlightPerPartition === 1) expect(sends.mostAtOnce).toBe(1)
      else expect(sends.mostAtOnce).toBeGreaterThan(1)
      expect(sends.largest).toBe(10)
    },
  },
  {
    name: '[C7] stores a message once for its consumers when the answer to its publish was lost',
    async play(scene) {
      const topic = scene.topic({ partitions: 1 })
      const bus = await scene.bus({ cuttable: true })
      const consumer = await scene.bus()
      const skipped: string[] = []
      const republished: boolean[] = []
      consumer.on('duplicate.skipped', ({ reason }) => void skipped.push(reason))
      await scene.subscribe(consumer, topic, (message) => void republished.push(message.republished))
      await scene.publish(bus, topic, 'k', { n: 0 })
      const lost = scene.harness.faults.losePublishReply()
      await Promise.all(range(5).map((n) => scene.publish(bus, topic, 'k', { n: n + 1 })))
      await lost
      await scene.publish(bus, topic, 'k', { n: 6 })
      expect(await scene.drained(consumer, topic, 7)).toMatchObject({ ...clean, stored: 7 })
      // Where the broker recognises the second copy, no consumer ever sees one.
      if (capabilities.idempotentResend) expect([skipped, republished.includes(true)]).toEqual([[], false])
      else expect(skipped.includes('twin')).toBe(true)
    },
  },
]
