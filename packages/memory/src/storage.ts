import { WaybillError } from '@waybill/core/spi'
import type { StoredRecord } from './log.js'
import type { MemorySettings } from './options.js'
import { Topic } from './topic.js'

/** Every topic of a broker, within one bound. */
export class Storage {
  readonly topics: Map<string, Topic> = new Map()
  readonly settings: MemorySettings
  #messages = 0
  #bytes = 0

  constructor(settings: MemorySettings) {
    this.settings = settings
  }

  topic(name: string, partitions: number): Topic {
    const topic = this.topics.get(name) ?? new Topic(name, partitions)
    this.topics.set(name, topic)
    return topic
  }

  /** Stores all of them, or none if they do not fit. Returns the position of the first. */
  append(topic: Topic, partition: number, records: readonly StoredRecord[]): number | WaybillError {
    const bytes = records.reduce((sum, record) => sum + record.sizeBytes, 0)
    if (!this.#makeRoom(records.length, bytes)) return this.#full()
    this.#messages += records.length
    this.#bytes += bytes
    const log = topic.logs[partition]!
    const first = log.end
    log.append(records)
    for (const group of topic.groups.values()) group.holder(partition)?.wake()
    return first
  }

  acknowledged(topic: Topic, partition: number): void {
    this.#forget(topic.dropAcknowledged(partition))
  }

  #makeRoom(messages: number, bytes: number): boolean {
    if (this.#fits(messages, bytes)) return true
    // Nobody has asked for the messages of a topic without groups: the older half of them goes.
    for (const topic of this.topics.values()) {
      if (topic.groups.size > 0) continue
      for (const log of topic.logs) this.#forget(log.dropBelow(Math.ceil((log.start + log.end) / 2)))
    }
    return this.#fits(messages, bytes)
  }

  #fits(messages: number, bytes: number): boolean {
    const { maxStoredMessages, maxStoredBytes } = this.settings
    return this.#messages + messages <= maxStoredMessages && this.#bytes + bytes <= maxStoredBytes
  }

  #forget(records: readonly StoredRecord[]): void {
    this.#messages -= records.length
    for (const record of records) this.#bytes -= record.sizeBytes
  }

  #full(): WaybillError {
    const [slowest] = [...this.topics.values()]
      .flatMap((topic) => topic.backlogs())
      .toSorted((a, b) => b.messages - a.messages)
    const behind =
      slowest === undefined
        ? ''
        : `; group "${slowest.group}" of topic "${slowest.topic}" is behind by ${slowest.messages}`
    return new WaybillError({
      code: 'QUEUE_FULL',
      retryable: true,
      message: `The memory broker holds ${this.#messages} messages of ${this.#bytes} bytes, and more do not fit${behind}. Wait for its groups, add members, or raise maxStoredMessages and maxStoredBytes.`,
      details: { storedMessages: this.#messages, storedBytes: this.#bytes, ...this.settings, slowest },
    })
  }
}
