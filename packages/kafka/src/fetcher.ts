import { backoff, type Clock } from '@waybill/core/spi'
import {
  type FetchedPartition,
  type KafkaClient,
  KafkaFailure,
  type TopicDescription,
} from './client/kafka-client.js'
import { isAuthorisation } from './errors.js'
import { pause } from './pause.js'
import { readRecordSet, type StoredRecord, type UnreadableBatch } from './wire/record-set.js'

/** A partition that is read. */
export interface Reading {
  readonly partition: number
  readonly epoch: number
  /** Where the next fetch starts. */
  offset: number
  isPaused: boolean
  /** Not read until somebody moves it. */
  isStalled: boolean
  /** Fetched and not handed out yet, because intake was paused in the middle of it. */
  waiting: readonly StoredRecord[]
}

export interface FetcherSettings {
  readonly client: KafkaClient
  readonly clock: Clock
  readonly topic: string
  readonly maxWaitMs: number
  readonly maxBytes: number
  readonly partitionMaxBytes: number
  /** Most records handed out at once: between two lots intake may be paused. */
  readonly lot: number
}

export interface FetcherEvents {
  records(reading: Reading, records: readonly StoredRecord[], next: number): void
  /** Reading has stopped before a batch that cannot be decompressed or parsed. */
  unreadable(reading: Reading, batch: UnreadableBatch): void
  /** Reading has stopped: the log does not have the offset. */
  outOfRange(reading: Reading): void
  failed(error: unknown): void
}

const retryDelay = backoff({ initialDelayMs: 50, maxDelayMs: 2_000 })

/**
 * Reads the held partitions: one long poll at a time to each broker, none of which waits for another.
 * Partitions that are paused are left out of the next poll; what a poll under way brings of them waits here.
 */
export class Fetcher {
  readonly #settings: FetcherSettings
  readonly #events: FetcherEvents
  readonly #readings = new Map<number, Reading>()
  /** Brokers that are being polled. */
  readonly #loops = new Set<number>()
  readonly #closing = new AbortController()
  #leaders = new Map<number, number>()
  #learning: Promise<void> | undefined
  #turn = 0

  constructor(settings: FetcherSettings, events: FetcherEvents) {
    this.#settings = settings
    this.#events = events
  }

  get(partition: number): Reading | undefined {
    return this.#readings.get(partition)
  }

  /** Everything that was started and not stopped. */
  held(): readonly Reading[] {
    return [...this.#readings.values()]
  }

  start(list: readonly { partition: number; epoch: number; position: number }[]): void {
    for (const { partition, epoch, position } of list) {
      this.#readings.set(partition, {
        partition,
        epoch,
        offset: position,
        isPaused: false,
        isStalled: false,
        waiting: [],
      })
    }
    void this.#learn(false)
  }

  stop(partition: number): void {
    this.#readings.delete(partition)
  }

  pause(partition: number): void {
    const reading = this.#readings.get(partition)
    if (reading !== undefined) reading.isPaused = true
  }

  resume(partition: number): void {
    const reading = this.#readings.get(partition)
    if (reading === undefined) return
    reading.isPaused = false
    this.#handOut(reading)
    this.wake()
  }

  /** Goes on at a position that was not handed out yet. */
  skip(reading: Reading, position: number): void {
    reading.waiting = reading.waiting.filter(({ offset }) => offset >= position)
    reading.offset = Math.max(reading.offset, position)
    reading.isStalled = false
    this.#handOut(reading)
    this.wake()
  }

  /** Reads on: after a pause, a move, or a stall. */
  wake(): void {
    if (this.#closing.signal.aborted) return
    const leaders = this.#active().map(({ partition }) => this.#leaders.get(partition) ?? -1)
    for (const leader of leaders) if (leader >= 0 && !this.#loops.has(leader)) void this.#loop(leader)
    if (leaders.includes(-1)) void this.#learn(true)
  }

  /** Nothing is delivered any more; polls under way end with their client. */
  close(): void {
    this.#closing.abort()
    this.#readings.clear()
  }

  #active(): Reading[] {
    return [...this.#readings.values()].filter(
      (reading) => !reading.isPaused && !reading.isStalled && reading.waiting.length === 0,
    )
  }

  async #loop(node: number): Promise<void> {
    this.#loops.add(node)
    try {
      await this.#pollOn(node)
    } finally {
      this.#loops.delete(node)
    }
  }

  async #pollOn(node: number): Promise<void> {
    let failures = 0
    while (!this.#closing.signal.aborted) {
      const readings = this.#active().filter(({ partition }) => this.#leaders.get(partition) === node)
      if (readings.length === 0) return
      try {
        failures = (await this.#poll(node, readings)) ? 0 : failures + 1
      } catch (error) {
        if (isAuthorisation(error)) return this.#events.failed(error)
        failures++
      }
      if (failures === 0) continue
      void this.#learn(true)
      await pause(this.#settings.clock, retryDelay(failures), this.#closing.signal)
    }
  }

  /** @returns whether every partition was answered well */
  async #poll(node: number, readings: readonly Reading[]): Promise<boolean> {
    const { client, topic, maxWaitMs, maxBytes, partitionMaxBytes } = this.#settings
    // Another partition first each time: an answer that is full leaves the last ones empty.
    const first = this.#turn++ % readings.length
    const ordered = [...readings.slice(first), ...readings.slice(0, first)]
    const asked = new Map(ordered.map((reading) => [reading.partition, { reading, offset: reading.offset }]))
    const partitions = [...asked].map(([partition, { offset }]) => ({
      partition,
      offset,
      maxBytes: partitionMaxBytes,
    }))
    const answers = await client.fetch(node, { topic, maxWaitMs, maxBytes, partitions })
    let isWell = true
    for (const answer of answers) {
      const { reading, offset } = asked.get(answer.partition) ?? {}
      // Given up, given up and held again, or moved while the poll was under way.
      if (
        reading === undefined ||
        this.#readings.get(answer.partition) !== reading ||
        reading.offset !== offset
      )
        continue
      if (answer.failure !== undefined) isWell = this.#refused(reading, answer.failure) && isWell
      else if (!reading.isStalled) this.#take(reading, answer)
    }
    return isWell
  }

  #take(reading: Reading, { recordSet, aborted }: FetchedPartition): void {
    if (recordSet.length === 0) return
    const set = readRecordSet(recordSet, reading.offset, aborted)
    const hasMoved = set.next > reading.offset
    reading.offset = set.next
    if (set.unreadable !== undefined) reading.isStalled = true
    reading.waiting = set.records
    if (set.records.length > 0) this.#handOut(reading)
    else if (hasMoved) this.#events.records(reading, [], set.next)
    if (set.unreadable !== undefined) this.#events.unreadable(reading, set.unreadable)
  }

  #handOut(reading: Reading): void {
    while (
      reading.waiting.length > 0 &&
      !reading.isPaused &&
      this.#readings.get(reading.partition) === reading
    ) {
      const records = reading.waiting.slice(0, this.#settings.lot)
      reading.waiting = reading.waiting.slice(records.length)
      this.#events.records(reading, records, nextOf(reading))
    }
  }

  /** @returns whether it needs no new look at who leads what */
  #refused(reading: Reading, failure: KafkaFailure): boolean {
    if (failure.kind === 'OFFSET_OUT_OF_RANGE') {
      reading.isStalled = true
      this.#events.outOfRange(reading)
      return true
    }
    if (failure.kind === 'CORRUPT_MESSAGE') {
      reading.isStalled = true
      this.#events.unreadable(reading, { offset: reading.offset, next: reading.offset + 1, cause: failure })
      return true
    }
    if (isAuthorisation(failure)) throw failure
    return false
  }

  /** Who leads what; from the brokers when `anew`. Goes on trying while a partition has nobody. */
  #learn(anew: boolean): Promise<void> {
    this.#learning ??= this.#askLeaders(anew).finally(() => {
      this.#learning = undefined
    })
    return this.#learning
  }

  async #askLeaders(anew: boolean): Promise<void> {
    const { client, clock, topic } = this.#settings
    for (let attempt = 1; !this.#closing.signal.aborted; attempt++) {
      try {
        if (anew || attempt > 1) await client.refresh()
        this.#leaders = leadersOf(await client.knownTopic(topic))
      } catch (error) {
        if (isAuthorisation(error)) return this.#events.failed(error)
      }
      // Those that have a leader are read while the others are waited for.
      this.wake()
      if (this.#active().every(({ partition }) => (this.#leaders.get(partition) ?? -1) >= 0)) return
      await pause(clock, retryDelay(attempt), this.#closing.signal)
    }
  }
}

/** The offset after everything that was handed out. */
export const nextOf = (reading: Reading): number => reading.waiting[0]?.offset ?? reading.offset

const leadersOf = ({ partitions }: TopicDescription): Map<number, number> =>
  new Map(partitions.map(({ partition, leader }) => [partition, leader]))
