import { setTimeout as sleep } from 'node:timers/promises'
import { silentLogger, systemClock } from '@waybill/core/spi'
import type {
  Assignment,
  Batch,
  ConnectionState,
  ConsumerRequest,
  IncomingBatch,
  IncomingRecord,
  Membership,
  OutgoingRecord,
  PartitionEpoch,
  Problem,
  TopicTopology,
  TransportContext,
  WaybillError,
} from '@waybill/core/spi'

/** Resolves when `condition` holds; fails with what it was waiting for. */
export async function until(
  what: string,
  condition: () => boolean | Promise<boolean>,
  timeoutMs = 20_000,
): Promise<void> {
  const deadline = Date.now() + timeoutMs
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error(`waited ${timeoutMs} ms in vain until ${what}`)
    await sleep(10)
  }
}

/** A context that keeps what the driver reports. */
export class Witness implements TransportContext {
  readonly clientId = 'test'
  readonly clock = systemClock
  readonly logger = silentLogger
  readonly connections = new Map<string, ConnectionState>()
  readonly states: string[] = []
  readonly causes: unknown[] = []
  readonly problems = new Map<string, Problem>()
  readonly raised: Problem[] = []
  readonly report = {
    raise: (problem: Problem): void => {
      this.raised.push(problem)
      this.problems.set(`${problem.code} ${problem.subject}`, problem)
    },
    clear: (code: string, subject: string): void => void this.problems.delete(`${code} ${subject}`),
    note: (problem: Problem): void => void this.raised.push(problem),
    connection: (name: string, state: ConnectionState, cause?: unknown): void => {
      this.connections.set(name, state)
      this.states.push(`${name} ${state}`)
      if (cause !== undefined) this.causes.push(cause)
    },
  }
}

export function topicOf(name: string, over: Partial<TopicTopology> = {}): TopicTopology {
  return {
    name,
    partitions: 1,
    groups: [groupOf('billing')],
    window: 500,
    maxMessageBytes: 1_000_000,
    durability: 'strict',
    ...over,
  }
}

export function groupOf(
  name: string,
  over: Partial<TopicTopology['groups'][number]> = {},
): TopicTopology['groups'][number] {
  return { name, from: 'earliest', acceptMissingBacklog: false, ...over }
}

export function recordOf(id: string, over: Partial<OutgoingRecord> = {}): OutgoingRecord {
  return {
    attributes: { id, type: 'test', source: '/test', timeMs: 1_790_000_000_123, contentType: 'text/plain' },
    key: null,
    body: Buffer.from(id),
    headers: [],
    ...over,
  }
}

export function batchOf(topic: string, partition: number, ids: readonly string[]): Batch {
  return { topic, partition, records: ids.map((id) => recordOf(id)) }
}

export function numbered(prefix: string, from: number, to: number): string[] {
  return Array.from({ length: to - from }, (_, index) => `${prefix}${from + index}`)
}

export function requestOf(
  topic: TopicTopology,
  memberId = 'member-1',
  over: Partial<ConsumerRequest> = {},
): ConsumerRequest {
  return { topic, group: 'billing', memberId, handlerTimeoutMs: 30_000, ...over }
}

export interface Delivery {
  readonly partition: number
  readonly epoch: number
  readonly record: IncomingRecord
}

/** A membership that keeps what it gets, and gives partitions up at once. */
export class Member implements Membership {
  readonly deliveries: Delivery[] = []
  readonly assignments: Assignment[] = []
  readonly revoked: PartitionEpoch[] = []
  readonly losses: PartitionEpoch[] = []
  failure: WaybillError | undefined
  /** What happens when a partition is given up. */
  onRevoking: (list: readonly PartitionEpoch[]) => Promise<void> = async () => undefined
  onRecords: (delivery: Delivery) => void = () => undefined

  assigned(list: readonly Assignment[]): void {
    this.assignments.push(...list)
  }

  async revoking(list: readonly PartitionEpoch[]): Promise<void> {
    this.revoked.push(...list)
    await this.onRevoking(list)
  }

  lost(list: readonly PartitionEpoch[]): void {
    this.losses.push(...list)
  }

  records(partition: number, epoch: number, batch: IncomingBatch): void {
    for (const record of batch.records) {
      const delivery = { partition, epoch, record }
      this.deliveries.push(delivery)
      this.onRecords(delivery)
    }
  }

  failed(error: WaybillError): void {
    this.failure = error
  }

  /** Ids in order of delivery. */
  get ids(): string[] {
    return this.deliveries.map(({ record }) => record.attributes.id ?? '')
  }
}

export const never: AbortSignal = new AbortController().signal
