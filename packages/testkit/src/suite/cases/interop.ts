import { bytes, defineTopic, json, partitionOf } from '@waybill/core'
import { type Case, type CaseTools, range } from '../case.js'
import type { Work } from '../../member/work.js'

/** C15 interoperable, and C14 for what foreign producers send. */
export const interop = ({ expect, capabilities }: CaseTools): Case[] => [
  {
    name: '[C15] places keys as the Java client does',
    async play(scene) {
      const topic = scene.topic({ partitions: 12 })
      const bus = await scene.bus()
      const got = new Map<string, number>()
      await scene.subscribe(bus, topic, ({ key, partition }) => void got.set(key ?? '', partition))
      const keys = ['', 'a', 'ab', 'abc', 'abcd', 'customer-42', 'ключ', ...range(40).map((n) => `key ${n}`)]
      const receipts = await Promise.all(keys.map((key) => scene.publish(bus, topic, key)))
      await scene.handled(topic, keys.length)
      const expected = keys.map((key) => partitionOf(Buffer.from(key), 12))
      expect(receipts.map(({ partition }) => partition)).toEqual(expected)
      expect(keys.map((key) => got.get(key))).toEqual(expected)
      // murmur2("foobar") is -790332482: the known vector of Kafka's own UtilsTest.
      expect(partitionOf(Buffer.from('foobar'), 1_000)).toBe((-790332482 & 0x7fffffff) % 1_000)
    },
  },
  {
    name: '[C15] reads messages of foreign producers, without any header of ours',
    async play(scene) {
      const topic = defineTopic<Work, string>({
        ...scene.topicOptions({ partitions: 1 }),
        codec: json<Work>(),
      })
      const bus = await scene.bus({ topics: [topic] })
      const got: unknown[] = []
      const ids = new Set<string>()
      await bus.subscribe(topic, { group: 'g' }, ({ id, key, value, headers }) => {
        ids.add(id)
        got.push({ key, value, own: headers['x-own'] })
      })
      const foreign = { topic: topic.name, partition: 0 }
      await scene.harness.produce({ ...foreign, key: 'k', body: Buffer.from('{"n":1}') })
      await scene.harness.produce({
        ...foreign,
        key: null,
        body: Buffer.from('{"n":2}'),
        headers: { 'x-own': 'yes' },
      })
      await scene.until(() => got.length === 2, 'both messages')
      const first = { key: 'k', value: { n: 1 }, own: undefined }
      const second = { key: undefined, value: { n: 2 }, own: 'yes' }
      expect(got.filter((entry) => (entry as typeof first).value.n === 1)).toEqual([first])
      expect(got.filter((entry) => (entry as typeof second).value.n === 2)).toEqual([second])
      // An id is made from the position; where there is none, dedup is told so by an empty id.
      expect(ids.has('')).toBe(!capabilities.stablePositions)
    },
  },
  {
    name: '[C14] reports a message that cannot be decoded, which holds its key and no other',
    async play(scene) {
      const topic = scene.topic({ partitions: 1 })
      const bus = await scene.bus({ topics: [topic] })
      await scene.subscribe(bus, topic)
      const foreign = { topic: topic.name, partition: 0, key: 'bad' }
      for (const body of [Buffer.from('{"n":'), Buffer.from([0xff, 0xfe, 0x00])])
        await scene.harness.produce({ ...foreign, body })
      const failures = (): unknown[] => bus.status().problems.filter(({ code }) => code === 'DECODE_FAILED')
      await scene.until(() => failures().length > 0, 'DECODE_FAILED in status()')
      await scene.publish(bus, topic, 'bad', { n: 1 })
      await Promise.all(range(20).map((n) => scene.publish(bus, topic, `key ${n}`, { n })))
      const verdict = await scene.handled(topic, 20)
      expect(verdict.lost.length).toBe(1)
      expect(bus.status()).toMatchObject({ state: 'connected', subscriptions: [{ state: 'running' }] })
      expect(bus.status().subscriptions[0]?.partitions[0]?.oldest).toMatchObject({ key: 'bad' })
    },
  },
  {
    name: '[C15] carries a body of no bytes and one of null as two different things',
    async play(scene) {
      const topic = defineTopic({ ...scene.topicOptions({ partitions: 1 }), codec: bytes, tombstones: true })
      const bus = await scene.bus()
      const got: unknown[] = []
      await bus.subscribe(topic, { group: 'g' }, ({ value, rawHeaders }) => {
        got.push([value === null, rawHeaders.some(([name]) => name === 'waybill-null')])
      })
      await bus.publish(topic, null, { key: 'k' })
      await bus.publish(topic, new Uint8Array(0), { key: 'k' })
      await scene.until(() => got.length === 2, 'both messages')
      // Where the broker has no null, a mark stands for it.
      expect(got).toEqual([
        [true, !capabilities.nullBody],
        [false, false],
      ])
    },
  },
]
