import { ConfigError, TopologyError, isWaybillError } from '@waybill/core/spi'
import type { GroupTopology, Reporter, TopicTopology } from '@waybill/core/spi'
import { declareFailure } from './errors.js'
import { closeChannel } from './link.js'
import type { Link } from './link.js'
import { Presence } from './presence.js'
import type { PartitionQueue } from './queues.js'
import { exchangeOptions, queueName, queueOptions, queuesOf } from './queues.js'

/** The topics this transport declared, and how they are brought back where something of them is missing. */
export class Topology {
  readonly #report: Reporter
  readonly #topics = new Map<string, TopicTopology>()
  readonly #drifts = new Map<string, number>()

  constructor(report: Reporter) {
    this.#report = report
  }

  get topics(): readonly TopicTopology[] {
    return [...this.#topics.values()]
  }

  get(topic: string): TopicTopology | undefined {
    return this.#topics.get(topic)
  }

  /**
   * @throws TopologyError `TOPOLOGY_CONFLICT`, `DURABILITY_WEAK`; ConfigError `GROUP_MISSES_BACKLOG`;
   * ConnectionError `NOT_AUTHORISED`
   */
  async declare(link: Link, topic: TopicTopology): Promise<void> {
    const presence = new Presence(link)
    try {
      if (await presence.exchange(topic.name)) {
        const groups = await refuseDifference(presence, topic)
        await this.#reportMissing(presence, { ...topic, groups })
      }
    } finally {
      await presence.close()
    }
    await make(link, topic)
    this.#topics.set(topic.name, topic)
  }

  /** Makes whole what was declared, and reports what was missing. */
  async restore(link: Link, topic: TopicTopology): Promise<void> {
    const presence = new Presence(link)
    try {
      if (await this.#reportMissing(presence, topic)) await make(link, topic)
      for (const { name, partition } of queuesOf(topic)) {
        // Declared only if reported as missing: what vanishes between the two is looked for again.
        if (!(await presence.bind(name, topic.name, String(partition))))
          return await this.restore(link, topic)
      }
    } finally {
      await presence.close()
    }
  }

  /** Whether a queue exists; its binding does, once this has resolved. */
  async holds(link: Link, topic: TopicTopology, queue: PartitionQueue): Promise<boolean> {
    const presence = new Presence(link)
    try {
      return (
        (await presence.queue(queue.name)) &&
        (await presence.bind(queue.name, topic.name, String(queue.partition)))
      )
    } finally {
      await presence.close()
    }
  }

  /** How often something of a topic was found missing. */
  drifts(topic: TopicTopology): number {
    return this.#drifts.get(topic.name) ?? 0
  }

  /** Everything of the topic has been seen to exist. */
  whole(topic: TopicTopology): void {
    this.#report.clear('TOPOLOGY_DRIFT', `topic ${topic.name}`)
  }

  /** Resolves to whether anything was. */
  async #reportMissing(presence: Presence, topic: TopicTopology): Promise<boolean> {
    const missing: string[] = []
    if (!(await presence.exchange(topic.name))) missing.push(`exchange ${topic.name}`)
    for (const { name } of queuesOf(topic)) {
      if (!(await presence.queue(name))) missing.push(`queue ${name}`)
    }
    if (missing.length === 0) return false
    this.#drifts.set(topic.name, this.drifts(topic) + 1)
    this.#report.raise({
      code: 'TOPOLOGY_DRIFT',
      subject: `topic ${topic.name}`,
      message: `${missing.join(', ')} had vanished and was declared again. What was published meanwhile did not reach it, and what it held is gone: find out who deletes it.`,
      details: { missing },
    })
    return true
  }
}

/**
 * Queues first, then the exchange, then bindings: so a topic whose exchange exists has all the queues it
 * was made with, and a group without queues is one that comes late.
 */
async function make(link: Link, topic: TopicTopology): Promise<void> {
  const queues = queuesOf(topic)
  let channel = await link.channel()
  try {
    for (const { name } of queues) {
      try {
        await channel.assertQueue(name, queueOptions)
      } catch (error) {
        const failure = declareFailure(error, `queue ${name}`)
        if (topic.durability === 'strict' || !isWaybillError(failure) || failure.code !== 'DURABILITY_WEAK')
          throw failure
        channel = await link.channel()
      }
    }
    await channel
      .assertExchange(topic.name, 'direct', exchangeOptions)
      .catch(failOn(`exchange ${topic.name}`))
    for (const { name, partition } of queues) {
      await channel
        .bindQueue(name, topic.name, String(partition))
        .catch(failOn(`the binding of queue ${name}`))
    }
  } finally {
    await closeChannel(channel)
  }
}

function failOn(subject: string): (error: unknown) => never {
  return (error) => {
    throw declareFailure(error, subject)
  }
}

/** Compares what exists of a topic with its declaration, as far as AMQP lets us see it. Resolves to the groups that exist. */
async function refuseDifference(presence: Presence, topic: TopicTopology): Promise<readonly GroupTopology[]> {
  const existing: GroupTopology[] = []
  let most = 0
  for (const group of topic.groups) {
    const found = await countQueues(presence, topic, group)
    if (found > 0) existing.push(group)
    else if (group.from === 'earliest' && !group.acceptMissingBacklog) throw missesBacklog(topic, group)
    most = Math.max(most, found)
  }
  if (existing.length > 0 && most !== topic.partitions) {
    throw new TopologyError({
      code: 'TOPOLOGY_CONFLICT',
      message: `Topic ${topic.name} has ${most > topic.partitions ? 'more than ' : ''}${Math.min(most, topic.partitions)} partitions on the broker, but ${topic.partitions} are declared. Declare what exists: another number would move keys between partitions.`,
      details: { topic: topic.name, declared: topic.partitions },
    })
  }
  return existing
}

/** How many partitions a group's queues make: up to one more than declared. A gap below is one that vanished. */
async function countQueues(presence: Presence, topic: TopicTopology, group: GroupTopology): Promise<number> {
  for (let partition = topic.partitions; partition >= 0; partition--) {
    if (await presence.queue(queueName(topic.name, group.name, partition))) return partition + 1
  }
  return 0
}

function missesBacklog(topic: TopicTopology, group: GroupTopology): ConfigError {
  return new ConfigError(`Topic ${topic.name}`, [
    {
      code: 'GROUP_MISSES_BACKLOG',
      path: `groups.${group.name}`,
      message:
        'is new, but the topic exists, and RabbitMQ keeps no messages for groups that come later. Set acceptMissingBacklog, or from: "latest", to start with what is published from now on',
    },
  ])
}
