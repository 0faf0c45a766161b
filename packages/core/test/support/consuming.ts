import type { BusEvent, Problem } from '../../src/index.js'
import { silentLogger, type Capabilities, type IncomingRecord, type WaybillError } from '../../src/spi.js'
import { Reports } from '../../src/bus/reports.js'
import { ConsumeEngine } from '../../src/consume/consume-engine.js'
import type { Consumption } from '../../src/consume/consumption.js'
import { defineTopic, text, type Handler, type Message } from '../../src/index.js'
import type { ErasedTopic } from '../../src/topic/topic.js'
import { FakeConsumer } from './fake-consumer.js'
import { commitCapabilities } from './fake-transport.js'
import type { Clock } from '../../src/clock.js'

export const topicOf = (window: number, partitions = 1): ErasedTopic =>
  defineTopic({ name: 'letters', codec: text, partitions, window, groups: ['readers'] }) as ErasedTopic

export interface Consuming {
  readonly engine: ConsumeEngine
  readonly consumer: FakeConsumer
  readonly reports: Reports
  readonly events: BusEvent[]
  /** Problems that were over at once. */
  readonly noted: Problem[]
  readonly failures: WaybillError[]
}

/** One member, with a handler of the test's and a driver that only writes down. */
export function consuming(
  clock: Clock,
  handler: (message: Message<string>) => unknown,
  changed: Partial<Omit<Consumption, 'capabilities'>> & {
    readonly capabilities?: Partial<Capabilities>
  } = {},
): Consuming {
  const events: BusEvent[] = []
  const noted: Problem[] = []
  const failures: WaybillError[] = []
  const reports = new Reports(clock, silentLogger)
  reports.on('problem.noted', ({ problem }) => noted.push(problem))
  const topic = changed.topic ?? topicOf(500)
  const engine = new ConsumeEngine(
    {
      group: 'readers',
      handler: handler as Handler<unknown>,
      clock,
      retry: { delayMs: () => 100 },
      concurrency: 16,
      handlerTimeoutMs: 60_000,
      commitIntervalMs: 1_000,
      maxBufferedBytes: 1_000_000,
      report: reports,
      emit: (event) => events.push(event),
      ...changed,
      topic,
      capabilities: { ...commitCapabilities, ...changed.capabilities },
    },
    (error) => failures.push(error),
  )
  const consumer = new FakeConsumer(
    {
      topic: { ...topic.topology, durability: 'strict' },
      group: 'readers',
      memberId: 'one',
      handlerTimeoutMs: 60_000,
    },
    engine,
  )
  engine.attach(consumer)
  return { engine, consumer, reports, events, noted, failures }
}

export interface RecordShape {
  readonly key?: string | null
  readonly id?: string | undefined
  readonly body?: string
  readonly marked?: boolean
  readonly redelivered?: boolean
  readonly sizeBytes?: number
}

export function record(position: number, shape: RecordShape = {}): IncomingRecord {
  const { key = 'k', id = `m${position}`, body = id, marked = false, redelivered, sizeBytes = 10 } = shape
  return {
    position,
    key: key === null ? null : Buffer.from(key),
    body: Buffer.from(body),
    attributes: { id, timeMs: 0 },
    rawHeaders: marked ? [['waybill-republished', '1']] : [],
    sizeBytes,
    ...(redelivered === undefined ? {} : { redelivered }),
  }
}
