import {
  type Assignment,
  type Clock,
  type ConsumerRequest,
  type Membership,
  type PartitionEpoch,
  type Progress,
  type Reporter,
  type TransportConsumer,
} from '@waybill/core/spi'
import type { KafkaClient } from './client/kafka-client.js'
import { Committer } from './committer.js'
import { ConsumerProblems } from './consumer-problems.js'
import type { DeclaredTopics } from './declared-topics.js'
import { requestError } from './errors.js'
import { Fetcher, nextOf, type Reading } from './fetcher.js'
import { GroupSession } from './group/session.js'
import { fromWire } from './headers.js'
import type { ResolvedOptions } from './options.js'
import { patiently } from './patience.js'
import { pause } from './pause.js'
import { logRange, startPositions } from './positions.js'
import { reportPartitions } from './topology.js'
import type { StoredRecord } from './wire/record-set.js'

export interface ConsumerContext {
  readonly client: KafkaClient
  readonly clock: Clock
  readonly report: Reporter
  readonly options: ResolvedOptions
  readonly secrets: readonly string[]
  readonly topics: DeclaredTopics
}

const mostAtOnce = 100
/** On top of a handler's longest run, so that a rebalance waits for handlers and for their acknowledgement. */
const rebalanceMarginMs = 10_000
const revokingMarginMs = 8_000

/** One member of one group: joins the session, the fetcher and the engine's membership. */
export class KafkaConsumer implements TransportConsumer {
  readonly #context: ConsumerContext
  readonly #request: ConsumerRequest
  readonly #membership: Membership
  readonly #groupId: string
  readonly #session: GroupSession
  readonly #fetcher: Fetcher
  readonly #committer: Committer
  readonly #problems: ConsumerProblems
  /** What this member last held: others leave it these where they can. */
  #formerly: readonly number[] = []
  /** `undefined` while an assignment is being loaded. */
  #topicId: string | undefined
  #partitions = 0
  #epoch = 0
  #isClosed = false
  #leaving: Promise<void> | undefined

  constructor(context: ConsumerContext, request: ConsumerRequest, membership: Membership) {
    const { client, clock, options } = context
    const topic = request.topic.name
    this.#context = context
    this.#request = request
    this.#membership = membership
    this.#groupId = options.groupId(topic, request.group)
    this.#problems = new ConsumerProblems(context.report, topic, request.group, context.secrets)
    this.#session = new GroupSession(
      {
        client,
        clock,
        group: this.#groupId,
        topic,
        sessionTimeoutMs: options.sessionTimeoutMs,
        rebalanceTimeoutMs: request.handlerTimeoutMs + rebalanceMarginMs,
      },
      {
        assigned: (partitions, signal) => this.#assigned(partitions, signal),
        revoking: () => this.#revoking(),
        lost: () => this.#lost(),
        failed: (error) => this.#failed(error),
        topicChanged: (isLeader) => this.#topicChanged(isLeader),
        partitionsOf: async (name) =>
          (await context.topics.known(client, name)).partitions.map(({ partition }) => partition),
        held: () => this.#formerly,
      },
    )
    this.#fetcher = new Fetcher(
      {
        client,
        clock,
        topic,
        maxWaitMs: options.maxWaitTimeMs,
        maxBytes: options.fetchMaxBytes,
        partitionMaxBytes: options.partitionMaxBytes,
        lot: Math.min(mostAtOnce, request.topic.window),
      },
      {
        records: (reading, records, next) => this.#records(reading, records, next),
        unreadable: ({ partition }, batch) => this.#problems.stalled(partition, batch),
        outOfRange: (reading) => void this.#restart(reading),
        failed: (error) => this.#failed(error),
      },
    )
    this.#committer = new Committer((offsets) =>
      client.commit(this.#groupId, this.#session.member, topic, offsets),
    )
  }

  /** Resolves when the group has let this member in. */
  async open(): Promise<void> {
    const { topic, group } = this.#request
    const { client, secrets } = this.#context
    try {
      await client.connect()
      await this.#session.open()
    } catch (error) {
      await this.leave()
      throw requestError(error, {
        what: `Joining group "${group}" of topic "${topic.name}" (Kafka group "${this.#groupId}")`,
        secrets,
      })
    }
  }

  async acknowledge(partition: number, epoch: number, { next, record }: Progress): Promise<void> {
    if (this.#fetcher.get(partition)?.epoch !== epoch) return
    try {
      await this.#committer.commit(partition, { offset: next, metadata: record })
    } catch (error) {
      // Others may hold the partition by now: the broker was right to refuse.
      if (this.#fetcher.get(partition)?.epoch !== epoch) return
      throw this.#problems.notAcknowledged(partition, next, error)
    }
  }

  leave(): Promise<void> {
    this.#leaving ??= this.#leave()
    return this.#leaving
  }

  pause(partition: number): void {
    this.#fetcher.pause(partition)
  }

  resume(partition: number): void {
    this.#fetcher.resume(partition)
  }

  /** @throws WaybillError `PARTITION_NOT_HELD`, or `CONFIG_INVALID` for a position that was passed already */
  async skipTo(partition: number, position: number): Promise<void> {
    const reading = this.#fetcher.get(partition)
    if (reading === undefined) throw this.#problems.notHeld(partition)
    const next = nextOf(reading)
    if (!Number.isSafeInteger(position) || position < next)
      throw this.#problems.notAhead(partition, position, next)
    this.#problems.over(partition)
    this.#membership.records(partition, reading.epoch, { records: [], next: position })
    this.#fetcher.skip(reading, position)
  }

  async #leave(): Promise<void> {
    this.#isClosed = true
    this.#fetcher.close()
    await this.#session.close()
    await this.#context.client.close()
    await this.#session.ended()
    this.#problems.allOver()
  }

  async #assigned(partitions: readonly number[], signal: AbortSignal): Promise<void> {
    const { client, clock, report, topics } = this.#context
    const { topic } = this.#request
    this.#topicId = undefined
    const load = async () => {
      const found = await topics.known(client, topic.name)
      return {
        description: found,
        positions: await startPositions(client, this.#groupId, topic.name, partitions),
      }
    }
    const { description, positions } = await patiently(clock, () => client.refresh(), load)
    if (signal.aborted) return
    this.#formerly = partitions
    this.#topicId = description.id
    this.#partitions = description.partitions.length
    if (this.#partitions > topic.partitions) reportPartitions(report, topic, this.#partitions)
    this.#start(
      positions.map(({ partition, position, record, outOfRange }) => {
        if (outOfRange !== undefined) this.#problems.outOfRange(partition, position, outOfRange)
        return {
          partition,
          epoch: ++this.#epoch,
          position,
          logId: description.id,
          ...(record === undefined ? {} : { record }),
        }
      }),
    )
  }

  #start(list: readonly (Assignment & { readonly position: number })[]): void {
    // In this order: the engine may pause what it is assigned. Reading starts a turn later.
    this.#fetcher.start(list)
    if (list.length > 0) this.#membership.assigned(list)
  }

  async #revoking(): Promise<void> {
    const held = this.#fetcher.held()
    if (held.length > 0)
      await this.#membership.revoking(held, this.#request.handlerTimeoutMs + revokingMarginMs)
    this.#release(held)
  }

  #lost(): void {
    this.#formerly = []
    const held = this.#fetcher.held()
    this.#release(held)
    if (held.length > 0) this.#membership.lost(held)
  }

  #release(held: readonly PartitionEpoch[]): void {
    for (const { partition } of held) {
      this.#fetcher.stop(partition)
      this.#problems.over(partition)
    }
  }

  #failed(error: unknown): void {
    if (this.#isClosed) return
    this.#isClosed = true
    const { topic, group } = this.#request
    this.#lost()
    this.#membership.failed(
      requestError(
        error,
        { what: `Consuming topic "${topic.name}" as group "${group}"`, secrets: this.#context.secrets },
        'CONSUMER_ENDED',
      ),
    )
    // Others take the partitions at once, instead of after the session timeout.
    void this.leave()
  }

  async #topicChanged(isLeader: boolean): Promise<'grown' | 'anew' | undefined> {
    const { client, topics } = this.#context
    if (this.#topicId === undefined) return undefined
    const { id, partitions } = await topics.known(client, this.#request.topic.name)
    if (id !== this.#topicId) return 'anew'
    return isLeader && partitions.length > this.#partitions ? 'grown' : undefined
  }

  #records({ partition, epoch }: Reading, records: readonly StoredRecord[], next: number): void {
    try {
      this.#membership.records(partition, epoch, { records: records.map(fromWire), next })
    } catch (error) {
      // Going on would pass over what the engine did not take.
      this.#failed(error)
    }
  }

  /** The log does not have the offset any more: a new holding starts at the earliest one, so that nothing there is passed over. */
  async #restart(reading: Reading): Promise<void> {
    const { client, clock } = this.#context
    const { topic } = this.#request
    const { partition } = reading
    const stillHeld = (): boolean => this.#fetcher.get(partition) === reading
    for (;;) {
      try {
        const range = await logRange(client, topic.name, partition)
        if (!stillHeld()) return
        const { id } = await client.knownTopic(topic.name)
        if (!stillHeld()) return
        this.#release([reading])
        this.#membership.lost([reading])
        this.#problems.outOfRange(partition, range.earliest, { committed: reading.offset, ...range })
        return this.#start([{ partition, epoch: ++this.#epoch, position: range.earliest, logId: id }])
      } catch {
        await pause(clock, 500)
        if (!stillHeld()) return
      }
    }
  }
}
