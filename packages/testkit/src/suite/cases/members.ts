import { setTimeout as sleep } from 'node:timers/promises'
import { type Case, type CaseTools, clean, faithful, range } from '../case.js'
import { dueAgain } from '../../ledger/due-again.js'
import { gate } from '../scene.js'

const COMMIT_INTERVAL_MS = 200
/** An acknowledgement on its way, on a busy machine. */
const IN_FLIGHT_MS = 500

/** C4, C7 and C10 with members that are processes: killed, joining and leaving. */
export const members = ({ expect, capabilities }: CaseTools): Case[] => [
  {
    name: '[C7] loses nothing and keeps order when a member is killed, and repeats only what was not acknowledged',
    async play(scene) {
      const options = scene.topicOptions({ partitions: 4 })
      const topic = scene.topic(options)
      const bus = await scene.bus({ topics: [topic] })
      const settings = { concurrency: 8, commitIntervalMs: COMMIT_INTERVAL_MS }
      const [victim] = await Promise.all([scene.member(options, settings), scene.member(options, settings)])
      const publishing = (async () => {
        for (const n of range(400)) {
          await scene.publish(bus, topic, `key ${n % 24}`, { n, sleepMs: 10 })
          await sleep(5)
        }
      })()
      await scene.handled(topic, 100)
      await victim.kill()
      await scene.member(options, settings)
      await publishing
      const verdict = await scene.drained(bus, topic, 400)
      expect(verdict).toMatchObject({ ...faithful, stored: 400 })
      const within =
        capabilities.acknowledgement === 'commit' ? COMMIT_INTERVAL_MS + IN_FLIGHT_MS : IN_FLIGHT_MS
      const due = dueAgain(scene.entries(), {
        topic: topic.name,
        group: 'g',
        victim: victim.name,
        withinMs: within,
      })
      expect(verdict.duplicates.filter((id) => !due.has(id))).toEqual([])
      expect(new Set(verdict.duplicates).size).toBe(verdict.duplicates.length)
    },
  },
  {
    name: '[C1] loses nothing that a process was told is stored before it was killed',
    async play(scene) {
      const options = scene.topicOptions({ partitions: 3 })
      const topic = scene.topic(options)
      const bus = await scene.bus({ topics: [topic] })
      const settings = { commitIntervalMs: COMMIT_INTERVAL_MS, publishesToKeys: 9 }
      const victim = await scene.member(options, settings)
      await scene.until(() => scene.verdict(topic).stored >= 300, 'three hundred stored messages')
      await victim.kill()
      await scene.member(options)
      const { stored } = scene.verdict(topic)
      expect(await scene.drained(bus, topic, stored)).toMatchObject({ ...faithful, stored })
    },
  },
  {
    name: '[C4] runs no key twice at once while members join and leave under handlers of 3 s',
    async play(scene) {
      const options = scene.topicOptions({ partitions: 4 })
      const topic = scene.topic(options)
      const bus = await scene.bus({ topics: [topic] })
      const settings = { handlerTimeoutMs: 15_000 }
      const first = await scene.member(options, settings)
      await Promise.all(
        range(24).map((n) => scene.publish(bus, topic, `key ${n % 8}`, { n, sleepMs: 3_000 })),
      )
      await scene.until(async () => (await first.status()).running > 0, 'a running handler')
      const [second] = await Promise.all([scene.member(options, settings), scene.member(options, settings)])
      await scene.handled(topic, 6)
      await first.close()
      await scene.handled(topic, 12)
      await second.close()
      expect(await scene.drained(bus, topic, 24)).toMatchObject({ ...clean, stored: 24 })
    },
  },
  {
    name: '[C4] moves every other key within 3 s when a member joins while one key is parked for 60 s',
    async play(scene) {
      const options = scene.topicOptions({ partitions: 2 })
      const topic = scene.topic(options)
      const bus = await scene.bus({ topics: [topic] })
      const settings = { retryDelayMs: 60_000, handlerTimeoutMs: 10_000 }
      const first = await scene.member(options, settings)
      await Promise.all(range(4).map((n) => scene.publish(bus, topic, `parked`, { n, failTimes: 1_000 })))
      const others = range(12)
      const round = (): Promise<unknown> =>
        Promise.all(others.map((n) => scene.publish(bus, topic, `key ${n}`, { n })))
      await round()
      await scene.handled(topic, others.length)
      let rounds = 1
      let worstMs = 0
      const measured = async (): Promise<void> => {
        const start = performance.now()
        await round()
        rounds += 1
        await scene.handled(topic, rounds * others.length)
        worstMs = Math.max(worstMs, performance.now() - start)
      }
      const joined = gate()
      const joining = scene.member(options, settings).finally(() => joined.open())
      let isJoined = false
      void joined.opened.then(() => (isJoined = true))
      while (!isJoined) await measured()
      const second = await joining
      await measured()
      if (capabilities.rebalancesOnJoin) {
        const holds = async (member: typeof first): Promise<boolean> =>
          (await member.status()).partitions.length > 0
        const bothHold = async (): Promise<boolean> => (await holds(first)) && (await holds(second))
        while (!(await bothHold())) await measured()
      }
      await measured()
      expect(worstMs).toBeLessThanOrEqual(3_000)
      const { disordered, overlaps, duplicates, lost } = scene.verdict(topic)
      expect({ disordered, overlaps, duplicates, lost: lost.length }).toEqual({
        disordered: [],
        overlaps: [],
        duplicates: [],
        lost: 4,
      })
    },
  },
]
