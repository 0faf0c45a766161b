import { setImmediate } from 'node:timers/promises'
import { silentLogger, systemClock } from '@waybill/core/spi'
import type {
  Batch,
  ConnectionState,
  ConsumerRequest,
  OutgoingRecord,
  TopicTopology,
  Transport,
  TransportContext,
} from '@waybill/core/spi'

export const never: AbortSignal = new AbortController().signal

export function topology(overrides: Partial<TopicTopology> = {}): TopicTopology {
  return {
    name: 'orders',
    partitions: 4,
    groups: [group('billing')],
    window: 500,
    maxMessageBytes: 1_000_000,
    durability: 'strict',
    ...overrides,
  }
}

export function group(
  name: string,
  from: 'earliest' | 'latest' = 'earliest',
): TopicTopology['groups'][number] {
  return { name, from, acceptMissingBacklog: false }
}

export function request(overrides: Partial<ConsumerRequest> = {}): ConsumerRequest {
  return { topic: topology(), group: 'billing', memberId: 'member', handlerTimeoutMs: 60_000, ...overrides }
}

export function context(states: ConnectionState[] = []): TransportContext {
  return {
    clientId: 'test',
    clock: systemClock,
    logger: silentLogger,
    report: {
      raise: () => undefined,
      clear: () => undefined,
      note: () => undefined,
      connection: (_name, state) => states.push(state),
    },
  }
}

export async function connected(transport: Transport, states: ConnectionState[] = []): Promise<Transport> {
  await transport.connect(context(states))
  return transport
}

export function record(body: string | null, overrides: Partial<OutgoingRecord> = {}): OutgoingRecord {
  return {
    attributes: { id: `id-${body}`, type: 'orders', source: 'test', timeMs: 0, contentType: 'text/plain' },
    key: null,
    body: body === null ? null : Buffer.from(body),
    headers: [],
    ...overrides,
  }
}

export function batch(partition: number, ...bodies: readonly string[]): Batch {
  return { topic: 'orders', partition, records: bodies.map((body) => record(body)) }
}

/** Turns of the event loop until the condition holds; bounded, so that what never holds fails. */
export async function until(condition: () => boolean): Promise<void> {
  for (let turn = 0; turn < 1_000 && !condition(); turn++) await setImmediate()
  if (!condition()) throw new Error(`never became true: ${condition.toString()}`)
}

/** Long enough for everything that is already due. */
export async function settled(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await setImmediate()
}
