import { randomUUID } from 'node:crypto'
import { TopologyError, type PartitionBacklog, type TopicTopology } from '@waybill/core/spi'
import { Group } from './group.js'
import { PartitionLog, type StoredRecord } from './log.js'

/** A topic: its partitions' logs, and the groups that need them. */
export class Topic {
  readonly name: string
  readonly logs: readonly PartitionLog[]
  readonly groups: Map<string, Group> = new Map()
  readonly #logId = randomUUID()

  constructor(name: string, partitions: number) {
    this.name = name
    this.logs = Array.from({ length: partitions }, () => new PartitionLog())
  }

  declare(topology: TopicTopology): void {
    if (topology.partitions !== this.logs.length) {
      throw new TopologyError({
        code: 'TOPOLOGY_CONFLICT',
        message: `Topic "${this.name}" has ${this.logs.length} partitions and is declared with ${topology.partitions}. Declare it the same everywhere, or under another name.`,
        details: { topic: this.name, partitions: this.logs.length, declared: topology.partitions },
      })
    }
    for (const { name, from } of topology.groups) {
      if (this.groups.has(name)) continue
      const starts = this.logs.map((log) => (from === 'earliest' ? log.start : log.end))
      this.groups.set(name, new Group(this.#logId, starts))
    }
  }

  /** Drops what every group has acknowledged, and returns it. Without groups nothing is acknowledged. */
  dropAcknowledged(partition: number): readonly StoredRecord[] {
    const committed = [...this.groups.values()].map((group) => group.committed(partition))
    return committed.length === 0 ? [] : this.logs[partition]!.dropBelow(Math.min(...committed))
  }

  backlog(group: Group): readonly PartitionBacklog[] {
    return this.logs.map((log, partition) => ({
      partition,
      messages: Math.max(0, log.end - Math.max(log.start, group.committed(partition))),
    }))
  }

  /** How far behind each group is. */
  backlogs(): readonly { readonly topic: string; readonly group: string; readonly messages: number }[] {
    return [...this.groups].map(([name, group]) => ({
      topic: this.name,
      group: name,
      messages: this.backlog(group).reduce((sum, { messages }) => sum + messages, 0),
    }))
  }
}
