import { type CaseTools, clean, range } from '../case.js'
import { gate } from '../scene.js'
import type { OutageCase } from './outage.js'

/** C3, C4 and C13 for a process that is cut off from a broker which goes on without it. */
export const cut = ({ expect }: CaseTools): OutageCase[] => [
  {
    name: '[C4] aborts the handlers of a member that is cut off, and acknowledges nothing of theirs',
    async *play(scene) {
      const topic = scene.topic({ partitions: 1 })
      const bus = await scene.bus({ topics: [topic] })
      const lonely = await scene.bus({ cuttable: true })
      const running = gate()
      const aborted = gate()
      await scene.subscribe(lonely, topic, async ({ signal, attempt }) => {
        signal.addEventListener('abort', () => aborted.open())
        running.open()
        if (attempt === 1) await aborted.opened
      })
      await scene.publish(bus, topic, 'k', { n: 1 })
      await scene.publish(bus, topic, 'k', { n: 2 })
      await running.opened
      yield
      await aborted.opened
      await scene.subscribe(bus, topic)
      const { lost, disordered, overlaps, duplicates } = await scene.handled(topic, 2)
      expect({ lost, disordered, overlaps }).toEqual({ lost: [], disordered: [], overlaps: [] })
      expect(duplicates.length).toBeLessThanOrEqual(1)
      yield
      await scene.publish(bus, topic, 'k', { n: 3 })
      expect(await scene.drained(bus, topic, 3)).toMatchObject({ lost: [], disordered: [], overlaps: [] })
    },
  },
  {
    name: '[C4] lets a key wait for its old handler when the partition comes back, and repeats nothing if that succeeds',
    async *play(scene) {
      const topic = scene.topic({ partitions: 1 })
      const bus = await scene.bus({ cuttable: true })
      const old = gate()
      const seen = { lost: 0, assigned: 0 }
      bus.on('partitions.lost', () => void (seen.lost += 1))
      bus.on('partitions.assigned', () => void (seen.assigned += 1))
      const started: unknown[] = []
      await scene.subscribe(bus, topic, async ({ value }) => {
        started.push(value.n)
        if (value.n === 1) await old.opened
      })
      for (const n of [1, 2]) await scene.publish(bus, topic, 'k', { n })
      await scene.until(() => started.includes(1), 'the handler')
      yield
      await scene.until(() => seen.lost > 0, 'the loss of the partition')
      const { assigned } = seen
      yield
      await scene.until(() => seen.assigned > assigned, 'the partition again')
      await scene.publish(bus, topic, 'other', { n: 3 })
      await scene.until(() => started.includes(3), 'the other key')
      expect(started).toEqual([1, 3])
      old.open()
      expect(await scene.drained(bus, topic, 3)).toMatchObject(clean)
      expect(started).toEqual([1, 3, 2])
    },
  },
  {
    name: '[C3] stores once and in order what is published while cut off',
    async *play(scene) {
      const topic = scene.topic({ partitions: 2 })
      const publisher = await scene.bus({ cuttable: true, publishTimeoutMs: 100_000 })
      const consumer = await scene.bus()
      await scene.subscribe(consumer, topic)
      const publishes: Promise<unknown>[] = []
      const burst = (count: number): void => {
        for (const n of range(count)) publishes.push(scene.publish(publisher, topic, `key ${n % 6}`, { n }))
      }
      burst(60)
      await Promise.all(publishes)
      yield
      burst(60)
      const isUp = (): boolean =>
        Object.values(publisher.status().connections).every((state) => state === 'connected')
      await scene.until(() => publisher.status().publishing.unconfirmed === 60, 'publishes that wait')
      await scene.until(
        () => !isUp() || hasWaited(publisher.status().publishing.oldestAgeMs),
        'the cut to be noticed',
      )
      burst(60)
      yield
      burst(60)
      await Promise.all(publishes)
      expect(await scene.drained(consumer, topic, 240)).toMatchObject({ ...clean, stored: 240 })
    },
  },
]

/** Where a transport shows no lost connection, the cut lasts this long: longer than a request may take. */
const CUT_MS = 7_000
const hasWaited = (ageMs: number | undefined): boolean => (ageMs ?? 0) > CUT_MS
