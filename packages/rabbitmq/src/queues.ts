import type { TopicTopology } from '@waybill/core/spi'
import type { Options } from 'amqplib'

/** The queue that holds one partition for one group. */
export function queueName(topic: string, group: string, partition: number): string {
  return `${topic}.${group}.${partition}`
}

export interface PartitionQueue {
  readonly name: string
  /** Its routing key. */
  readonly partition: number
}

/** Every queue of a topic. */
export function queuesOf(topic: TopicTopology): PartitionQueue[] {
  return topic.groups.flatMap((group) =>
    Array.from({ length: topic.partitions }, (_, partition) => ({
      name: queueName(topic.name, group.name, partition),
      partition,
    })),
  )
}

/**
 * How every partition queue is declared; the same for ever, because the broker refuses a queue that is
 * declared again with other arguments.
 */
export const queueOptions: Options.AssertQueue = {
  durable: true,
  arguments: {
    'x-queue-type': 'quorum',
    'x-single-active-consumer': true,
    // The broker must never drop a message by itself. Absent means 20 from 4.0 on, and -1 drops on 3.10.
    'x-delivery-limit': 2_147_483_647,
    // What a cluster of three gives; a single node takes it as one.
    'x-quorum-initial-group-size': 3,
  },
}

export const exchangeOptions: Options.AssertExchange = { durable: true }
