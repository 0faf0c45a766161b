import { backoff, type Clock } from '@waybill/core/spi'
import { type GroupMember, type KafkaClient, KafkaFailure } from '../client/kafka-client.js'
import { isAuthorisation } from '../errors.js'
import { pause } from '../pause.js'
import { assignMembers, protocolName } from './assignments.js'
import { decodeAssignment, encodeSubscription } from './protocol.js'

export interface SessionSettings {
  readonly client: KafkaClient
  readonly clock: Clock
  readonly group: string
  readonly topic: string
  readonly sessionTimeoutMs: number
  readonly rebalanceTimeoutMs: number
}

/** What the session tells its consumer, in this order: assigned, then revoking or lost, then assigned again. */
export interface SessionEvents {
  /** Loads what is needed to read these; rejects if that cannot be had. `signal` aborts when they are gone again. */
  assigned(partitions: readonly number[], signal: AbortSignal): Promise<void>
  /** Resolves when nothing of what is held is under way: only then may others get it. */
  revoking(): Promise<void>
  lost(): void
  /** The session has ended for good. */
  failed(error: unknown): void
  /** Whether the topic is no longer what it was: `'grown'` calls for a rebalance, `'anew'` ends every holding. */
  topicChanged(isLeader: boolean): Promise<'grown' | 'anew' | undefined>
  /** For the member that assigns. */
  partitionsOf(topic: string): Promise<readonly number[]>
  held(): readonly number[]
}

type End = 'rebalance' | 'lost' | 'stopped'

const heartbeatMs = 1_000
const leaveWithinMs = 2_000
const hopeless = [
  'INCONSISTENT_GROUP_PROTOCOL',
  'INVALID_SESSION_TIMEOUT',
  'INVALID_GROUP_ID',
  'GROUP_MAX_SIZE_REACHED',
]
const expelled = ['UNKNOWN_MEMBER_ID', 'ILLEGAL_GENERATION', 'FENCED_INSTANCE_ID']
const retryDelay = backoff({ initialDelayMs: 100, maxDelayMs: 5_000 })

/**
 * One member of a group, by Kafka's classic group protocol (KIP-62). Not kafkajs's own, which rejoins
 * while handlers run and heartbeats only between batches.
 */
export class GroupSession {
  readonly #settings: SessionSettings
  readonly #events: SessionEvents
  readonly #closing = new AbortController()
  readonly #first: Promise<void>
  #settleFirst: { resolve: () => void; reject: (error: unknown) => void } | undefined
  #member: GroupMember = { memberId: '', generation: -1 }
  #isLeader = false
  #running: Promise<void> = Promise.resolve()

  constructor(settings: SessionSettings, events: SessionEvents) {
    this.#settings = settings
    this.#events = events
    this.#first = new Promise((resolve, reject) => {
      this.#settleFirst = { resolve, reject }
    })
  }

  /** As whom to commit. */
  get member(): GroupMember {
    return this.#member
  }

  /** Resolves when the group has let us in for the first time. */
  open(): Promise<void> {
    this.#running = this.#run()
    return this.#first
  }

  /** Leaves the group; the partitions go to others at once. */
  async close(): Promise<void> {
    this.#closing.abort()
    const { client, clock, group } = this.#settings
    const { memberId } = this.#member
    // Who does not hear of it waits for the session timeout instead.
    if (memberId !== '')
      await withDeadline(clock, client.leave(group, memberId), leaveWithinMs).catch(() => undefined)
  }

  /** Resolves when nothing of the session runs any more; a join that waits ends with its client. */
  ended(): Promise<void> {
    return this.#running
  }

  async #run(): Promise<void> {
    let failures = 0
    while (!this.#closing.signal.aborted) {
      try {
        const partitions = await this.#join()
        failures = 0
        await this.#hold(partitions)
      } catch (error) {
        if (this.#closing.signal.aborted) return
        const kind = error instanceof KafkaFailure ? error.kind : ''
        if (hopeless.includes(kind) || isAuthorisation(error)) {
          this.#settleFirst?.reject(error)
          this.#events.failed(error)
          return
        }
        if (kind === 'UNKNOWN_MEMBER_ID') this.#member = { memberId: '', generation: -1 }
        else if (kind !== 'REBALANCE_IN_PROGRESS') {
          await pause(this.#settings.clock, retryDelay(++failures), this.#closing.signal)
          await this.#settings.client.refresh().catch(() => undefined)
        }
      }
    }
  }

  async #join(): Promise<number[]> {
    const { client, group, topic, sessionTimeoutMs, rebalanceTimeoutMs } = this.#settings
    const metadata = encodeSubscription({ topics: [topic], held: this.#events.held() })
    const request = {
      group,
      memberId: this.#member.memberId,
      sessionTimeoutMs,
      rebalanceTimeoutMs,
      protocol: { name: protocolName, metadata },
    }
    const joined = await client.join(request, (memberId) => {
      this.#member = { memberId, generation: -1 }
    })
    this.#member = { memberId: joined.memberId, generation: joined.generation }
    this.#isLeader = joined.members.length > 0
    if (this.#isLeader) await client.refresh()
    const assignments = await assignMembers(joined.members, (name) => this.#events.partitionsOf(name))
    return decodeAssignment(topic, await client.sync(group, this.#member, assignments)).toSorted(
      (a, b) => a - b,
    )
  }

  /** From an assignment to its end. */
  async #hold(partitions: readonly number[]): Promise<void> {
    const over = new AbortController()
    let failure: unknown
    const loading = this.#events.assigned(partitions, over.signal).then(
      () => this.#settleFirst?.resolve(),
      (error: unknown) => {
        failure = error
        over.abort()
      },
    )
    const end = await this.#beat(AbortSignal.any([over.signal, this.#closing.signal]), false)
    if (this.#closing.signal.aborted) return
    if (end === 'rebalance') {
      await this.#release()
      over.abort()
    } else {
      over.abort()
      this.#events.lost()
    }
    await loading
    if (failure !== undefined) throw failure
  }

  /** Waits for what runs; heartbeats meanwhile, for the broker waits only for members it hears of. */
  async #release(): Promise<void> {
    const finished = new AbortController()
    const revoking = this.#events.revoking().finally(() => finished.abort())
    const end = await this.#beat(AbortSignal.any([finished.signal, this.#closing.signal]), true)
    if (end === 'lost') this.#events.lost()
    await revoking
  }

  async #beat(signal: AbortSignal, isRevoking: boolean): Promise<End> {
    const { client, clock, group, sessionTimeoutMs } = this.#settings
    let heardMs = clock.now()
    while (!signal.aborted) {
      await pause(clock, heartbeatMs, signal)
      if (signal.aborted) break
      const sentMs = clock.now()
      try {
        await withDeadline(clock, client.heartbeat(group, this.#member), heardMs + sessionTimeoutMs - sentMs)
        heardMs = sentMs
      } catch (error) {
        const kind = error instanceof KafkaFailure ? error.kind : ''
        if (isAuthorisation(error)) throw error
        if (kind === 'REBALANCE_IN_PROGRESS') heardMs = sentMs
        if (kind === 'REBALANCE_IN_PROGRESS' && !isRevoking) return 'rebalance'
        if (kind === 'UNKNOWN_MEMBER_ID') this.#member = { memberId: '', generation: -1 }
        if (expelled.includes(kind) || clock.now() >= heardMs + sessionTimeoutMs) return 'lost'
      }
      const change = isRevoking
        ? undefined
        : await this.#events.topicChanged(this.#isLeader).catch(() => undefined)
      if (change !== undefined) return change === 'grown' ? 'rebalance' : 'lost'
    }
    return 'stopped'
  }
}

function withDeadline<T>(clock: Clock, promise: Promise<T>, withinMs: number): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = clock.after(Math.max(0, withinMs), () =>
      reject(new KafkaFailure('TIMEOUT', 'the broker did not answer in time', true)),
    )
    promise.then(resolve, reject).finally(() => timer.cancel())
  })
}
