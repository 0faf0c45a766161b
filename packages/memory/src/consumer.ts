import { setImmediate } from 'node:timers'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { WaybillError } from '@waybill/core/spi'
import type {
  Assignment,
  ConsumerRequest,
  Membership,
  PartitionEpoch,
  Progress,
  TransportConsumer,
} from '@waybill/core/spi'
import type { Broker } from './broker.js'
import type { Connection } from './connection.js'
import type { Group, Member } from './group.js'
import type { Topic } from './topic.js'

/** Above `handlerTimeoutMs`: what a handler that ran into it may still need to end. */
const revokeGraceMs = 10_000

/** Where a held partition is read. */
interface Reading {
  readonly epoch: number
  position: number
  paused: boolean
}

export class MemoryConsumer implements TransportConsumer, Member {
  readonly #broker: Broker
  readonly #connection: Connection
  readonly #topic: Topic
  readonly #group: Group
  readonly #membership: Membership
  readonly #revokeDeadlineMs: number
  readonly #readings = new Map<number, Reading>()
  #awake = false

  constructor(
    broker: Broker,
    connection: Connection,
    topic: Topic,
    group: Group,
    request: ConsumerRequest,
    membership: Membership,
  ) {
    this.#broker = broker
    this.#connection = connection
    this.#topic = topic
    this.#group = group
    this.#membership = membership
    this.#revokeDeadlineMs = request.handlerTimeoutMs + revokeGraceMs
  }

  async join(): Promise<void> {
    this.#connection.dependants.add(this)
    if (this.#connection.isUp) this.#group.join(this)
    await nextTurn()
  }

  async leave(): Promise<void> {
    this.#connection.dependants.delete(this)
    this.#readings.clear()
    this.#group.leave(this)
    await nextTurn()
  }

  async acknowledge(partition: number, epoch: number, progress: Progress): Promise<void> {
    await nextTurn()
    if (!this.#group.holds(partition, epoch)) return
    if (this.#broker.faults.nextAcknowledge()) {
      throw new WaybillError({
        code: 'ACKNOWLEDGE_FAILED',
        retryable: true,
        message: `An acknowledgement of ${this.#topic.name}/${partition} did not arrive, as a test asked for. It is tried again.`,
      })
    }
    this.#group.commit(partition, progress)
    this.#broker.storage.acknowledged(this.#topic, partition)
  }

  pause(partition: number): void {
    const reading = this.#readings.get(partition)
    if (reading !== undefined) reading.paused = true
  }

  resume(partition: number): void {
    const reading = this.#readings.get(partition)
    if (reading === undefined) return
    reading.paused = false
    this.wake()
  }

  async skipTo(partition: number, position: number): Promise<void> {
    await nextTurn()
    const reading = this.#readings.get(partition)
    if (reading === undefined) return
    reading.position = position
    this.wake()
  }

  assigned(list: readonly Assignment[]): void {
    for (const { partition, epoch, position = 0 } of list)
      this.#readings.set(partition, { epoch, position, paused: false })
    this.#membership.assigned(list)
    this.wake()
  }

  async revoking(held: PartitionEpoch): Promise<void> {
    this.#readings.delete(held.partition)
    await this.#membership.revoking([held], this.#revokeDeadlineMs)
  }

  dropped(): void {
    const held = this.#group.heldBy(this)
    this.#readings.clear()
    // Told before the group gives them to anybody else.
    setImmediate(() => this.#membership.lost(held))
    this.#group.leave(this)
  }

  restored(): void {
    this.#group.join(this)
  }

  failed(error: WaybillError): void {
    setImmediate(() => this.#membership.failed(error))
  }

  /** There may be something to read. Reads in a turn of its own, one batch per partition and turn. */
  wake(): void {
    if (this.#awake) return
    this.#awake = true
    setImmediate(() => {
      this.#awake = false
      for (const [partition, reading] of this.#readings) this.#read(partition, reading)
    })
  }

  #read(partition: number, reading: Reading): void {
    if (reading.paused) return
    const records = this.#topic.logs[partition]!.read(reading.position)
    if (records.length === 0) return
    reading.position = records.at(-1)!.position + 1
    this.#membership.records(partition, reading.epoch, { records, next: reading.position })
    this.wake()
  }
}
