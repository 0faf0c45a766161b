import type { Clock } from '../clock.js'
import type { Handler } from '../message/message.js'
import type { RetryPolicy } from '../policy/retry.js'
import type { ErasedTopic } from '../topic/topic.js'
import type { Capabilities } from '../transport/capabilities.js'
import type { Reporter } from '../transport/report.js'
import type { BusEvent } from '../bus/events.js'

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
