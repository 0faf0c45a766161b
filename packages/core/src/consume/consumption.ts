import type { Clock } from '../clock.js'
import type { Handler } from '../message/message.js'
import type { RetryPolicy } from '../policy/retry.js'
import type { ErasedTopic } from '../topic/topic.js'
import type { Capabilities } from '../transport/capabilities.js'
import type { Reporter } from '../transport/report.js'
import type { BusEvent, DuplicateSkipped } from '../bus/events.js'
import type { Delivery } from './delivery.js'

/** What everything in one subscription shares: who it is, how it behaves, where it reports. */
export interface Consumption {
  readonly topic: ErasedTopic
  readonly group: string
  readonly handler: Handler<unknown>
  readonly clock: Clock
  readonly capabilities: Capabilities
  readonly retry: RetryPolicy
  readonly concurrency: number
  readonly handlerTimeoutMs: number
  readonly commitIntervalMs: number
  readonly maxBufferedBytes: number
  readonly report: Reporter
  readonly emit: (event: BusEvent) => void
}

/** How events and problems name a partition of a group. */
export const partitionSubject = (consumption: Consumption, partition: number): string =>
  `partition ${consumption.topic.name}/${partition} of ${consumption.group}`

export const messageSubject = (consumption: Consumption, { id, position, holding }: Delivery): string =>
  `message ${id ?? position} in ${partitionSubject(consumption, holding.partition)}`

/** A message is acknowledged without a run of its handler. */
export function tellSkipped(
  { topic, group, clock, emit }: Consumption,
  delivery: Delivery,
  reason: DuplicateSkipped['reason'],
): void {
  emit({
    type: 'duplicate.skipped',
    atMs: clock.wallMs(),
    topic: topic.name,
    group,
    partition: delivery.holding.partition,
    id: delivery.id ?? '',
    reason,
  })
}
