import type {
  Assignment,
  Batch,
  ConnectionState,
  IncomingRecord,
  Membership,
  Outcome,
  PartitionEpoch,
  Problem,
  TopicTopology,
  TransportContext,
  TransportPublisher,
  WaybillError,
} from '@waybill/core/spi'
import { silentLogger, systemClock } from '@waybill/core/spi'
import { setTimeout as sleep } from 'node:timers/promises'

export function topology(name: string, change: Partial<TopicTopology> = {}): TopicTopology {
  return {
    name,
    partitions: 3,
    groups: [{ name: 'billing', from: 'earliest', acceptMissingBacklog: false }],
    window: 500,
    maxMessageBytes: 1_000_000,
    durability: 'strict',
    ...change,
  }
}

export interface RecordingContext extends TransportContext {
  readonly raised: Problem[]
  readonly cleared: string[]
  readonly noted: Problem[]
  readonly states: { readonly name: string; readonly state: ConnectionState; readonly cause: unknown }[]
}

export function context(): RecordingContext {
  const raised: Problem[] = []
  const cleared: string[] = []
  const noted: Problem[] = []
  const states: RecordingContext['states'] = []
  return {
    clientId: 'waybill-tests',
    clock: systemClock,
    logger: silentLogger,
    raised,
    cleared,
    noted,
    states,
    report: {
      raise: (problem) => void raised.push(problem),
      clear: (code, subject) => void cleared.push(`${code} ${subject}`),
      note: (problem) => void noted.push(problem),
      connection: (name, state, cause) => void states.push({ name, state, cause }),
    },
  }
}

export function batch(topic: string, partition: number, bodies: readonly string[]): Batch {
  const attributes = { type: 'test', source: 'tests', timeMs: 1_700_000_000_123, contentType: 'text/plain' }
  return {
    topic,
    partition,
    records: bodies.map((body) => ({
      attributes: { ...attributes, id: `id-${body.slice(0, 20)}` },
      key: Buffer.from('key'),
      body: Buffer.from(body),
      headers: [],
    })),
  }
}

/** Sends as the engine does: again while that may help. */
export async function publish(
  publisher: TransportPublisher,
  sent: Batch,
  withinMs = 20_000,
): Promise<readonly Outcome[]> {
  const signal = AbortSignal.timeout(withinMs)
  for (;;) {
    const outcomes = await publisher.send(sent, signal)
    const again = outcomes.some(
      (outcome) => outcome.status === 'unknown' || (outcome.status === 'rejected' && outcome.error.retryable),
    )
    if (!again || signal.aborted) return outcomes
    await sleep(50)
  }
}

export const storedPositions = (outcomes: readonly Outcome[]): (number | undefined)[] =>
  outcomes.map((outcome) => {
    if (outcome.status !== 'stored') throw outcome.error
    return outcome.position
  })

export interface RecordingMembership extends Membership {
  readonly log: string[]
  readonly assignments: Assignment[]
  readonly failures: WaybillError[]
  held(): number[]
  recordsOf(partition: number): IncomingRecord[]
  bodies(partition: number): string[]
  epochOf(partition: number): number
  assignmentOf(partition: number): Assignment | undefined
}

/** Keeps everything it is told. `onRevoking` is awaited as an engine's handlers would be. */
export function recordingMembership(
  onRevoking: (list: readonly PartitionEpoch[]) => Promise<void> = async () => undefined,
): RecordingMembership {
  const assignments: Assignment[] = []
  const held = new Map<number, Assignment>()
  const records = new Map<number, IncomingRecord[]>()
  const log: string[] = []
  const failures: WaybillError[] = []
  const membership: RecordingMembership = {
    log,
    assignments,
    failures,
    assigned(list) {
      for (const assignment of list) {
        log.push(`assigned ${assignment.partition}`)
        assignments.push(assignment)
        held.set(assignment.partition, assignment)
      }
    },
    async revoking(list) {
      log.push(`revoking ${list.map(({ partition }) => partition).join(' ')}`)
      await onRevoking(list)
      for (const { partition } of list) held.delete(partition)
      log.push('revoked')
    },
    lost(list) {
      log.push(`lost ${list.map(({ partition }) => partition).join(' ')}`)
      for (const { partition } of list) held.delete(partition)
    },
    records(partition, epoch, incoming) {
      if (held.get(partition)?.epoch !== epoch) return
      records.set(partition, [...(records.get(partition) ?? []), ...incoming.records])
    },
    failed: (error) => void failures.push(error),
    held: () => [...held.keys()].toSorted((a, b) => a - b),
    recordsOf: (partition) => records.get(partition) ?? [],
    bodies: (partition) =>
      (records.get(partition) ?? []).map(({ body }) => Buffer.from(body ?? []).toString()),
    epochOf: (partition) => held.get(partition)?.epoch ?? -1,
    assignmentOf: (partition) => held.get(partition),
  }
  return membership
}

/** @throws Error when the condition does not come true in time */
export async function until(condition: () => boolean | Promise<boolean>, withinMs = 20_000): Promise<void> {
  const deadline = performance.now() + withinMs
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error(`not within ${withinMs} ms: ${condition.toString()}`)
    await sleep(20)
  }
}
