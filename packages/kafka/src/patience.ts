import { backoff, type Clock } from '@waybill/core/spi'
import { KafkaFailure } from './client/kafka-client.js'
import { pause } from './pause.js'

/** Failures after which the brokers are asked who leads what. */
export const leaderMoved: readonly string[] = [
  'NOT_LEADER_FOR_PARTITION',
  'LEADER_NOT_AVAILABLE',
  'FENCED_LEADER_EPOCH',
  'UNKNOWN_LEADER_EPOCH',
  'UNKNOWN_TOPIC_OR_PARTITION',
  'KAFKA_STORAGE_ERROR',
  'REPLICA_NOT_AVAILABLE',
  'UNREACHABLE',
  'CONNECTION_LOST',
  'TIMEOUT',
]

const passing = [
  ...leaderMoved,
  'NOT_CONTROLLER',
  'REQUEST_TIMED_OUT',
  'GROUP_LOAD_IN_PROGRESS',
  'GROUP_COORDINATOR_NOT_AVAILABLE',
  'NOT_COORDINATOR_FOR_GROUP',
]

const patienceMs = 10_000
const retryDelay = backoff({ initialDelayMs: 50, maxDelayMs: 1_000 })

/** Does it again, for a while, as long as it fails for a reason that passes: a cluster that starts or fails over. */
export async function patiently<T>(
  clock: Clock,
  refresh: () => Promise<void>,
  task: () => Promise<T>,
): Promise<T> {
  const deadline = clock.now() + patienceMs
  for (let attempt = 1; ; attempt++) {
    try {
      return await task()
    } catch (error) {
      if (!(error instanceof KafkaFailure) || !passing.includes(error.kind) || clock.now() > deadline)
        throw error
      await pause(clock, retryDelay(attempt))
      await refresh().catch(() => undefined)
    }
  }
}
