import {
  type Assignment,
  type Clock,
  type ConsumerRequest,
  type Membership,
  type PartitionEpoch,
  type Problem,
  type Progress,
  type Reporter,
  type TransportConsumer,
  WaybillError,
} from '@waybill/core/spi'
import {
  isMissingTopic,
  type KafkaClient,
  KafkaFailure,
  type TopicDescription,
} from './client/kafka-client.js'
import { Committer } from './committer.js'
import type { DeclaredTopics } from './declared-topics.js'
import { reason, requestError } from './errors.js'
import { Fetcher, nextOf, type Reading } from './fetcher.js'
import { GroupSession } from './group/session.js'
import { fromWire } from './headers.js'
import type { ResolvedOptions } from './options.js'
import { patiently } from './patience.js'
import { pause } from './pause.js'
import { type OutOfRange, startPositions } from './positions.js'
import { reportPartitions } from './topology.js'
import type { StoredRecord, UnreadableBatch } from './wire/record-set.js'

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
  readonly #stalled = new Set<number>()
  /** What this member last held: others leave it these where they can. */
  #formerly: readonly number[] = []
  #topicId = ''
  #partitions = 0
  #epoch = 0
  #isClosed = false

  constructor(context: ConsumerContext, request: ConsumerRequest, membership: Membership) {
    const { client, clock, options } = context
    const topic = request.topic.name
    this.#context = context
    this.#request = request
    this.#membership = membership
    this.#groupId = options.groupId(topic, request.group)
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
          (await this.#describe(name)).partitions.map(({ partition }) => partition),
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
        unreadable: (reading, batch) => this.#unreadable(reading, batch),
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
      const what = `Committing offset ${next} of ${this.#subject(partition)}`
      throw new WaybillError({
        code: 'ACKNOWLEDGE_FAILED',
        retryable: true,
        message: `${what} failed (${reason(error, this.#context.secrets)}). It is tried again.`,
        cause: requestError(error, { what, secrets: this.#context.secrets }),
      })
    }
  }

  async leave(): Promise<void> {
    this.#isClosed = true
    this.#fetcher.close()
    await this.#session.close()
    await this.#context.client.close()
    await this.#session.ended()
    for (const partition of this.#stalled) this.#clearStall(partition)
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
    const refuse = (code: 'PARTITION_NOT_HELD' | 'CONFIG_INVALID', message: string): WaybillError =>
      new WaybillError({ code, message })
    if (reading === undefined)
      throw refuse(
        'PARTITION_NOT_HELD',
        `This member does not hold ${this.#subject(partition)}; skip on the member that does.`,
      )
    if (!Number.isSafeInteger(position) || position < nextOf(reading)) {
      throw refuse(
        'CONFIG_INVALID',
        `${this.#subject(partition)} is read from offset ${nextOf(reading)} on; skipTo needs a later one, not ${position}.`,
      )
    }
    this.#clearStall(partition)
    this.#membership.records(partition, reading.epoch, { records: [], next: position })
    this.#fetcher.skip(reading, position)
  }

  async #assigned(partitions: readonly number[], signal: AbortSignal): Promise<void> {
    const { client, clock, report } = this.#context
    const { topic } = this.#request
    const load = async () => {
      const found = await this.#describe(topic.name)
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
        if (outOfRange !== undefined) this.#reportRange(partition, position, outOfRange)
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
      this.#clearStall(partition)
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
  }

  async #topicChanged(isLeader: boolean): Promise<'grown' | 'anew' | undefined> {
    const { id, partitions } = await this.#describe(this.#request.topic.name)
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

  /** What is known of a topic; one that vanished is made again first. */
  async #describe(topic: string): Promise<TopicDescription> {
    const { client, topics } = this.#context
    try {
      return await client.knownTopic(topic)
    } catch (error) {
      if (!isMissingTopic(error)) throw error
      await topics.restore(topic)
      return client.knownTopic(topic)
    }
  }

  #unreadable({ partition }: Reading, batch: UnreadableBatch): void {
    const subject = this.#subject(partition)
    this.#stalled.add(partition)
    this.#context.report.raise({
      code: 'PARTITION_STALLED',
      subject,
      message: `A batch at offset ${batch.offset} of ${subject} cannot be read (${reason(batch.cause, this.#context.secrets)}). Other partitions go on; skipTo(${partition}, ${batch.next}) gives it up.`,
      details: { partition, offset: batch.offset, next: batch.next },
    })
  }

  /** The log does not have the offset any more: a new holding starts at the earliest one, so that nothing there is passed over. */
  async #restart(reading: Reading): Promise<void> {
    const { client, clock } = this.#context
    const { topic } = this.#request
    const { partition } = reading
    const stillHeld = (): boolean => this.#fetcher.get(partition) === reading
    for (;;) {
      try {
        const [earliest, latest] = await Promise.all([
          client.offsets(topic.name, [partition], 'earliest'),
          client.offsets(topic.name, [partition], 'latest'),
        ])
        const first = earliest.get(partition)
        const end = latest.get(partition)
        if (first === undefined || end === undefined)
          throw new KafkaFailure('LEADER_NOT_AVAILABLE', 'the partition has no leader', false)
        if (!stillHeld()) return
        const { id } = await client.knownTopic(topic.name)
        if (!stillHeld()) return
        this.#release([reading])
        this.#membership.lost([reading])
        this.#reportRange(partition, first, { committed: reading.offset, earliest: first, latest: end })
        return this.#start([{ partition, epoch: ++this.#epoch, position: first, logId: id }])
      } catch {
        await pause(clock, 500)
        if (!stillHeld()) return
      }
    }
  }

  #reportRange(partition: number, position: number, { committed, earliest, latest }: OutOfRange): void {
    const subject = this.#subject(partition)
    const problem: Problem = {
      code: 'OFFSET_OUT_OF_RANGE',
      subject,
      message: `Offset ${committed} of ${subject} is not in the log, which has ${earliest} to ${latest}. Consuming goes on at ${position}; what lies between is gone from the broker, or is delivered again. Check the topic's retention against the group's lag.`,
      details: { partition, offset: committed, earliest, latest, position },
    }
    this.#context.report.note(problem)
  }

  #clearStall(partition: number): void {
    if (this.#stalled.delete(partition))
      this.#context.report.clear('PARTITION_STALLED', this.#subject(partition))
  }

  #subject(partition: number): string {
    return `partition ${this.#request.topic.name}/${partition} of ${this.#request.group}`
  }
}
