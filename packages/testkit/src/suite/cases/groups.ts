import { type Topic, defineTopic } from '@waybill/core'
import { type Case, type CaseTools, clean, range } from '../case.js'
import type { Work } from '../../member/work.js'
import { failure } from '../scene.js'

/** C10 groups, and the capabilities that bear on them. */
export const groups = ({ expect, capabilities }: CaseTools): Case[] => [
  {
    name: '[C10] gives every group every message, and the members of a group a share',
    async play(scene) {
      const topic = scene.topic({ partitions: 4, groups: ['a', 'b'] })
      const [first, second, other] = await Promise.all([scene.bus(), scene.bus(), scene.bus()])
      const shares = [0, 0]
      await scene.subscribe(first, topic, () => void (shares[0]! += 1), { group: 'a' })
      await scene.subscribe(second, topic, () => void (shares[1]! += 1), { group: 'a' })
      await scene.subscribe(other, topic, () => undefined, { group: 'b' })
      const partitionsOf = (bus: typeof first): number =>
        bus.status().subscriptions[0]?.partitions.length ?? 0
      if (capabilities.rebalancesOnJoin) {
        await scene.until(
          () => partitionsOf(first) > 0 && partitionsOf(second) > 0,
          'both members to hold partitions',
        )
      }
      await Promise.all(range(400).map((n) => scene.publish(other, topic, `key ${n}`, { n })))
      expect(await scene.handled(topic, 400, 'a')).toMatchObject(clean)
      expect(await scene.handled(topic, 400, 'b')).toMatchObject(clean)
      const idle = shares.filter((share) => share === 0).length
      if (capabilities.rebalancesOnJoin) expect(idle).toBe(0)
      else expect(idle).toBeLessThanOrEqual(1)
    },
  },
  {
    name: '[C10] keeps messages for a declared group that has no member yet',
    async play(scene) {
      const topic = scene.topic({ partitions: 2 })
      const bus = await scene.bus({ topics: [topic] })
      await Promise.all(range(100).map((n) => scene.publish(bus, topic, `key ${n % 7}`, { n })))
      const late = await scene.bus()
      await scene.subscribe(late, topic)
      expect(await scene.handled(topic, 100)).toMatchObject(clean)
    },
  },
  {
    name: '[C10] keeps topics apart, many of them at once',
    async play(scene) {
      const bus = await scene.bus()
      const topics = range(8).map(() => scene.topic({ partitions: 1 }))
      await Promise.all(topics.map((topic) => scene.subscribe(bus, topic)))
      await Promise.all(
        topics.flatMap((topic, t) =>
          range(25).map((n) => scene.publish(bus, topic, `key ${n % 3}`, { n: t })),
        ),
      )
      for (const topic of topics)
        expect(await scene.handled(topic, 25)).toMatchObject({ ...clean, stored: 25 })
    },
  },
  {
    name: '[C10] refuses a group that the topic does not declare, and one that is subscribed already',
    async play(scene) {
      const topic = scene.topic()
      const bus = await scene.bus()
      expect(await failure(scene.subscribe(bus, topic, undefined, { group: 'nobody' }))).toMatchObject({
        name: 'ConfigError',
        code: 'GROUP_UNDECLARED',
      })
      await scene.subscribe(bus, topic)
      expect(await failure(scene.subscribe(bus, topic))).toMatchObject({ code: 'GROUP_SUBSCRIBED_TWICE' })
    },
  },
  {
    name: capabilities.backlogForNewGroup
      ? '[C10] starts a group that is declared late at the earliest message'
      : '[C10] refuses a group that is declared late, unless it accepts to miss what was stored before',
    async play(scene) {
      const options = scene.topicOptions({ partitions: 1, groups: ['g'] })
      const before = scene.topic(options)
      const bus = await scene.bus()
      await Promise.all(range(10).map((n) => scene.publish(bus, before, 'k', { n })))
      const after = scene.topic({ ...options, groups: ['g', 'late'] })
      const later = await scene.bus()
      if (capabilities.backlogForNewGroup) {
        await scene.subscribe(later, after, undefined, { group: 'late' })
        expect(await scene.handled(after, 10, 'late')).toMatchObject(clean)
        return
      }
      const refused = scene.subscribe(later, after, undefined, { group: 'late' })
      expect(await failure(refused)).toMatchObject({ name: 'ConfigError', code: 'GROUP_MISSES_BACKLOG' })
      const late = { name: 'late', acceptMissingBacklog: true }
      const accepting = defineTopic<Work>({ ...options, groups: ['g', late] })
      const accepted = await scene.bus()
      const seen = await startsAfter(scene.subscribe.bind(scene, accepted, accepting), 'late')
      await scene.publish(accepted, accepting, 'k', { n: 10 })
      await scene.until(() => seen.length > 0, 'a message of the late group')
      expect(seen).toEqual([10])
    },
  },
  {
    name: "[C10] starts a group with from: 'latest' at what is stored after its declaration",
    async play(scene) {
      const options = scene.topicOptions({ partitions: 1, groups: ['g'] })
      const bus = await scene.bus()
      await scene.publish(bus, scene.topic(options), 'k', { n: 0 })
      const latest = { name: 'latest', from: 'latest' } as const
      const after = defineTopic<Work>({ ...options, groups: ['g', latest] })
      const later = await scene.bus({ topics: [after] })
      const seen = await startsAfter(scene.subscribe.bind(scene, later, after), 'latest')
      await scene.publish(later, after, 'k', { n: 1 })
      await scene.until(() => seen.length > 0, 'a message of the group')
      expect(seen).toEqual([1])
    },
  },
  {
    name: capabilities.storesWithoutGroup
      ? '[C10] stores messages of a topic without groups'
      : '[C10] refuses to publish to a topic without groups, which would store nothing',
    async play(scene) {
      const topic: Topic<Work, Work, string> = defineTopic<Work>({
        ...scene.topicOptions(),
        groups: [],
      })
      const bus = await scene.bus()
      const publish = scene.publish(bus, topic, 'k')
      if (capabilities.storesWithoutGroup) expect(await publish).toMatchObject({ topic: topic.name })
      else expect(await failure(publish)).toMatchObject({ code: 'TOPIC_HAS_NO_GROUPS' })
    },
  },
]

type Subscribe = (handler: (message: { value: Work }) => void, options: { group: string }) => Promise<unknown>

/** What a group gets from its first message on. */
async function startsAfter(subscribe: Subscribe, group: string): Promise<readonly (number | undefined)[]> {
  const seen: (number | undefined)[] = []
  await subscribe(({ value }) => void seen.push(value.n), { group })
  return seen
}
