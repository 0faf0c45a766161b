import { ConnectionError, WaybillError } from '@waybill/core/spi'
import type { IncomingRecord, Transport, TransportContext } from '@waybill/core/spi'
import { Connection } from './connection.js'
import { FaultPlan, type Faults } from './faults.js'
import { sizeOf } from './log.js'
import { resolveSettings, type MemorySettings } from './options.js'
import { Storage } from './storage.js'

/** A message of a producer that is not Waybill: what it leaves out is missing. */
export type ForeignRecord = Partial<Pick<IncomingRecord, 'key' | 'body' | 'attributes' | 'rawHeaders'>>

/**
 * A broker inside this process, for the transports that are given it. What it stores lives as long
 * as it is referenced, and outlives every bus: a bus that connects later goes on where its groups are.
 */
export interface MemoryBroker {
  readonly faults: Faults
  /** As if the broker died: members lose their partitions, publishes wait. What is stored stays. */
  stop(): void
  /** Members and publishers come back. */
  start(): void
  /** Cuts one bus off, until `reconnect`. Others get its partitions. */
  disconnect(transport: Transport): void
  reconnect(transport: Transport): void
  /**
   * As if the process of that bus were killed: its members vanish without acknowledging anything,
   * and nothing it publishes arrives any more. For good: close its bus and open another.
   */
  crash(transport: Transport): void
  /** Stores a message as a foreign producer would, and returns its offset. The topic has been declared. */
  produce(topic: string, partition: number, record: ForeignRecord): number
}

export class Broker implements MemoryBroker {
  readonly faults: FaultPlan = new FaultPlan()
  readonly storage: Storage
  readonly #connections = new Map<Transport, Connection>()
  #running = true

  constructor(settings: Partial<MemorySettings>) {
    this.storage = new Storage(resolveSettings(settings))
  }

  connect(transport: Transport, context: TransportContext): Connection {
    if (!this.#running) {
      throw new ConnectionError({
        code: 'BROKER_UNREACHABLE',
        retryable: true,
        message: 'The memory broker is stopped. Start it with start(), then connect.',
      })
    }
    const connection = new Connection(context, () => this.#connections.delete(transport))
    this.#connections.set(transport, connection)
    return connection
  }

  stop(): void {
    this.#running = false
    for (const connection of this.#connections.values()) connection.cut()
  }

  start(): void {
    this.#running = true
    for (const connection of this.#connections.values()) connection.restore()
  }

  disconnect(transport: Transport): void {
    this.#connections.get(transport)?.cut()
  }

  reconnect(transport: Transport): void {
    if (this.#running) this.#connections.get(transport)?.restore()
  }

  crash(transport: Transport): void {
    this.#connections.get(transport)?.crash()
  }

  produce(topicName: string, partition: number, record: ForeignRecord): number {
    const { key = null, body = null, attributes = {}, rawHeaders = [] } = record
    const topic = this.storage.topics.get(topicName)
    if (topic?.logs[partition] === undefined) {
      throw new WaybillError({
        code: 'UNROUTABLE',
        message: `The memory broker has no partition ${partition} of a topic "${topicName}". Connect a bus that declares it first.`,
      })
    }
    const sizeBytes = sizeOf(key, body, rawHeaders)
    const position = this.storage.append(topic, partition, [{ key, body, attributes, rawHeaders, sizeBytes }])
    if (typeof position !== 'number') throw position
    return position
  }
}

/**
 * A broker that several buses of one process share.
 * @throws ConfigError
 */
export function memoryBroker(settings: Partial<MemorySettings> = {}): MemoryBroker {
  return new Broker(settings)
}
