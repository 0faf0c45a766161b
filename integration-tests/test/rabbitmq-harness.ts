import { setTimeout as sleep } from 'node:timers/promises'
import { connect } from 'amqplib'
import type { Channel, ChannelModel, ConsumeMessage, Options } from 'amqplib'
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

/** The raw client with nothing of ours around it, as the naive half of a trap uses it. */
export async function raw(url: string): Promise<ChannelModel> {
  const connection = await connect(url)
  connection.on('error', () => undefined)
  return connection
}

/** A queue as somebody might declare it who does not know the traps. */
export async function declareRaw(
  channel: Channel,
  name: string,
  args: Record<string, unknown> = {},
): Promise<void> {
  const limit = { 'x-delivery-limit': 2_147_483_647 }
  await channel.assertQueue(name, {
    durable: true,
    arguments: { 'x-queue-type': 'quorum', ...limit, ...args },
  })
}

export async function fill(connection: ChannelModel, queue: string, texts: readonly string[]): Promise<void> {
  const channel = await connection.createConfirmChannel()
  for (const text of texts) channel.sendToQueue(queue, Buffer.from(text), { persistent: true })
  await channel.waitForConfirms()
  await channel.close()
}

/** Consumes on a channel; the texts come into the array that is returned. */
export async function hold(
  channel: Channel,
  queue: string,
  prefetch: number,
  options: Options.Consume = {},
): Promise<{ texts: string[]; messages: ConsumeMessage[]; consumerTag: string }> {
  const texts: string[] = []
  const messages: ConsumeMessage[] = []
  channel.on('error', () => undefined)
  await channel.prefetch(prefetch)
  const consume = (message: ConsumeMessage | null): void => {
    if (message === null) return
    texts.push(message.content.toString())
    messages.push(message)
  }
  const { consumerTag } = await channel.consume(queue, consume, options)
  return { texts, messages, consumerTag }
}
