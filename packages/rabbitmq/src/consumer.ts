import { backoff } from '@waybill/core/spi'
import type {
  ConsumerRequest,
  Membership,
  PartitionEpoch,
  Progress,
  Timer,
  TransportConsumer,
  TransportContext,
} from '@waybill/core/spi'
import type { Tenant } from './connection.js'
import { mustGiveUp } from './give-up.js'
import type { Link } from './link.js'
import { PartitionChannel } from './partition-channel.js'
import { placementPriorities } from './placement.js'
import { queueName } from './queues.js'
import type { Topology } from './topology.js'

/** How often held partitions are looked at. */
const lookMs = 500
/** Left to a handler whose signal aborted, before its partition moves all the same. */
const abortGraceMs = 2_000

export interface ConsumerInit {
  readonly request: ConsumerRequest
  readonly membership: Membership
  readonly topology: Topology
  readonly context: TransportContext
  /** Whether the broker hands queues to a higher priority that joins, without telling who had them. */
  readonly superseding: boolean
  readonly consumerTimeoutMs: number
}

/** One member of a group: it consumes every partition's queue, and the broker chooses which of them it serves. */
export class RabbitmqConsumer implements TransportConsumer, Tenant {
  readonly #init: ConsumerInit
  readonly #closeConnection: () => Promise<void>
  readonly #held = new Map<number, PartitionChannel>()
  readonly #pause = backoff({ initialDelayMs: 100, maxDelayMs: 5_000 })
  readonly #priorities: readonly number[]
  #epoch = 0
  #link: Link | undefined
  #timer: Timer | undefined
  /** Partitions that wait to be consumed anew. */
  readonly #retries = new Map<number, Timer>()
  #left = false

  constructor(init: ConsumerInit, closeConnection: () => Promise<void>) {
    this.#init = init
    this.#closeConnection = closeConnection
    this.#priorities = placementPriorities(init.request.memberId, init.request.topic.partitions)
  }

  async up(link: Link): Promise<void> {
    const { topology, request } = this.#init
    await topology.restore(link, request.topic)
    this.#link = link
    this.#look()
    const partitions = Array.from({ length: request.topic.partitions }, (_, partition) => partition)
    const taken = await Promise.allSettled(partitions.map((partition) => this.#take(link, partition)))
    const failures = taken.filter((result) => result.status === 'rejected')
    if (failures.length === partitions.length) throw failures[0]?.reason
    // One queue that cannot be consumed keeps none of the others.
    for (const [partition, { status }] of taken.entries()) {
      if (status === 'rejected') this.#takeAgain(link, partition, 1)
    }
  }

  down(): void {
    this.#link = undefined
    this.#cancelTimers()
    this.#lose([...this.#held.values()])
  }

  async acknowledge(partition: number, epoch: number, progress: Progress): Promise<void> {
    const channel = this.#held.get(partition)
    if (channel?.epoch === epoch) await channel.acknowledge(progress)
  }

  async leave(): Promise<void> {
    this.#left = true
    this.#cancelTimers()
    const channels = [...this.#held.values()]
    this.#held.clear()
    await Promise.all(channels.map((channel) => channel.close()))
    await this.#closeConnection()
  }

  consumes(topic: string, group: string): boolean {
    const { request } = this.#init
    return request.topic.name === topic && request.group === group
  }

  /** Messages of a partition that this member holds unacknowledged. */
  outstanding(partition: number): number {
    return this.#held.get(partition)?.outstanding ?? 0
  }

  async #take(link: Link, partition: number): Promise<void> {
    const { request, membership, context, superseding } = this.#init
    const epoch = ++this.#epoch
    const init = {
      partition,
      epoch,
      queue: queueName(request.topic.name, request.group, partition),
      window: request.topic.window,
      priority: superseding ? this.#priorities[partition] : undefined,
      clock: context.clock,
      records: membership.records.bind(membership, partition, epoch),
      ended: (cause: Error) => this.#ended(link, partition, epoch, cause),
    }
    let channel: PartitionChannel | undefined
    try {
      await PartitionChannel.open(link, init, (opening) => {
        channel = opening
        // Held before anything arrives: what arrives may be acknowledged at once.
        this.#held.set(partition, opening)
        membership.assigned([{ partition, epoch, position: 1, logId: '' }])
      })
      if (this.#left || link !== this.#link) throw new Error('the member left, or its connection was lost')
    } catch (error) {
      if (channel !== undefined && this.#holds(channel)) this.#lose([channel])
      await channel?.close()
      throw error
    }
  }

  #lose(list: readonly PartitionEpoch[]): void {
    for (const { partition } of list) this.#held.delete(partition)
    if (list.length > 0)
      this.#init.membership.lost(list.map(({ partition, epoch }) => ({ partition, epoch })))
  }

  #ended(link: Link, partition: number, epoch: number, cause: Error): void {
    const channel = this.#held.get(partition)
    if (channel?.epoch !== epoch) return
    this.#lose([channel])
    this.#init.context.logger.warn(
      `${this.#name(partition)} was lost: ${cause.message}. It is being consumed again.`,
    )
    this.#takeAgain(link, partition, 1)
  }

  /** Consumes a partition anew when what took it away may be over; a lost connection does it by itself. */
  #takeAgain(link: Link, partition: number, attempt: number): void {
    const { topology, request, context } = this.#init
    if (this.#left || link !== this.#link) return
    const retry = context.clock.after(this.#pause(attempt), () => {
      topology
        .restore(link, request.topic)
        .then(() => this.#take(link, partition))
        .catch((error: unknown) => {
          context.logger.warn(`${this.#name(partition)} cannot be consumed yet`, { error })
          this.#takeAgain(link, partition, attempt + 1)
        })
    })
    this.#retries.set(partition, retry)
  }

  #cancelTimers(): void {
    this.#timer?.cancel()
    for (const retry of this.#retries.values()) retry.cancel()
    this.#retries.clear()
  }

  #look(): void {
    this.#timer = this.#init.context.clock.after(lookMs, () => {
      for (const channel of this.#held.values()) {
        this.#lookAt(channel).catch((error: unknown) => {
          this.#init.context.logger.error(`${this.#name(channel.partition)} could not be given up`, { error })
        })
      }
      this.#look()
    })
  }

  /** Gives a partition up in order where it has to be, and stands in line for it again. */
  async #lookAt(channel: PartitionChannel): Promise<void> {
    const link = this.#link
    if (link === undefined || channel.looking) return
    channel.looking = true
    const { membership, consumerTimeoutMs, superseding, request } = this.#init
    if ((await mustGiveUp(link, channel, { consumerTimeoutMs, superseding })) && this.#holds(channel)) {
      const deadlineMs = Math.min(request.handlerTimeoutMs, consumerTimeoutMs / 2) + abortGraceMs
      await membership.revoking([{ partition: channel.partition, epoch: channel.epoch }], deadlineMs)
      await channel.close()
      if (this.#holds(channel)) {
        this.#held.delete(channel.partition)
        await this.#take(link, channel.partition).catch(() => this.#takeAgain(link, channel.partition, 1))
      }
    }
    channel.looking = false
  }

  #holds(channel: PartitionChannel): boolean {
    return this.#held.get(channel.partition) === channel
  }

  #name(partition: number): string {
    const { topic, group } = this.#init.request
    return `Queue ${queueName(topic.name, group, partition)}`
  }
}
