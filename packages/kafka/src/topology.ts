import {
  type Clock,
  type DeclaredTopic,
  type Problem,
  type Reporter,
  TopologyError,
  type TopicTopology,
} from '@waybill/core/spi'
import { type KafkaClient, KafkaFailure, type TopicDescription } from './client/kafka-client.js'
import { requestError } from './errors.js'
import { patiently } from './patience.js'
import { pause } from './pause.js'
import { pinLatest } from './positions.js'
import { batchHeaderBytes } from './wire/record-batch.js'

const wantedReplicas = 3
const wantedInSync = 2
const brokerDefaultBatchBytes = 1_048_588
const appearWithinMs = 30_000
const configNames = ['min.insync.replicas', 'unclean.leader.election.enable', 'max.message.bytes'] as const

export interface TopologyContext {
  readonly client: KafkaClient
  readonly clock: Clock
  readonly report: Reporter
  readonly secrets: readonly string[]
  readonly replicationFactor: number | undefined
  readonly groupId: (topic: string, group: string) => string
}

/** Makes sure of a topic: creates it, or verifies what exists. */
export async function declareTopic(
  context: TopologyContext,
  topic: TopicTopology,
  onCreated: () => void = () => undefined,
): Promise<DeclaredTopic> {
  const { client, clock, secrets } = context
  try {
    return await patiently(
      clock,
      () => client.refresh(),
      () => ensure(context, topic, onCreated),
    )
  } catch (error) {
    throw requestError(error, { what: `Declaring topic "${topic.name}"`, secrets })
  }
}

async function ensure(
  context: TopologyContext,
  topic: TopicTopology,
  onCreated: () => void,
): Promise<DeclaredTopic> {
  const { client, report, groupId } = context
  const existing = await client.describeTopic(topic.name)
  const found = existing ?? (await create(context, topic, onCreated))
  reportPartitions(report, topic, found.partitions.length)
  const config = await client.topicConfig(topic.name, configNames)
  await verifyDurability(context, topic, found, config)
  const partitions = found.partitions.map(({ partition }) => partition)
  for (const group of topic.groups) {
    if (group.from === 'latest')
      await pinLatest(client, groupId(topic.name, group.name), topic.name, partitions)
  }
  const maxBatchBytes = Number(config.get('max.message.bytes') ?? brokerDefaultBatchBytes)
  return { partitions: partitions.length, maxBatchBytes, maxMessageBytes: maxBatchBytes - batchHeaderBytes }
}

async function create(
  context: TopologyContext,
  topic: TopicTopology,
  onCreated: () => void,
): Promise<TopicDescription> {
  const { client, clock } = context
  const brokers = await client.brokerCount()
  const replicationFactor = context.replicationFactor ?? Math.min(wantedReplicas, brokers)
  const config: Record<string, string> = {
    'min.insync.replicas': String(Math.min(wantedInSync, replicationFactor)),
    'unclean.leader.election.enable': 'false',
  }
  // What `recordBytes` adds for framing is more than Kafka's, so a message of the allowed size fits.
  const needed = topic.maxMessageBytes + batchHeaderBytes + 1_024
  if (needed > brokerDefaultBatchBytes) config['max.message.bytes'] = String(needed)
  try {
    await client.createTopic({ topic: topic.name, partitions: topic.partitions, replicationFactor, config })
    onCreated()
  } catch (error) {
    // Another process was first; what it made is verified like any other.
    if (!(error instanceof KafkaFailure && error.kind === 'TOPIC_ALREADY_EXISTS')) throw error
  }
  const deadline = clock.now() + appearWithinMs
  for (;;) {
    const found = await client.describeTopic(topic.name).catch(() => undefined)
    if (
      found !== undefined &&
      found.partitions.length > 0 &&
      found.partitions.every(({ leader }) => leader >= 0)
    )
      return found
    if (clock.now() > deadline)
      throw new KafkaFailure('TIMEOUT', 'the topic was created and its partitions got no leaders', true)
    await pause(clock, 50)
  }
}

/** Fewer partitions than declared is an error; more are consumed, and reported until that is over. */
export function reportPartitions(report: Reporter, topic: TopicTopology, actual: number): void {
  const subject = `topic ${topic.name}`
  const details = { topic: topic.name, declared: topic.partitions, actual }
  if (actual < topic.partitions) {
    throw new TopologyError({
      code: 'TOPOLOGY_CONFLICT',
      message: `Topic "${topic.name}" has ${actual} partitions on the broker and is declared with ${topic.partitions}. Declare ${actual}, or add partitions with kafka-topics --alter: keys then move to other partitions.`,
      details,
    })
  }
  if (actual === topic.partitions) return report.clear('TOPOLOGY_DRIFT', subject)
  report.raise({
    code: 'TOPOLOGY_DRIFT',
    subject,
    message: `Topic "${topic.name}" has ${actual} partitions on the broker and is declared with ${topic.partitions}. All are consumed; only the declared ones are published to, so that keys stay where they are.`,
    details,
  })
}

async function verifyDurability(
  { client, report, replicationFactor }: TopologyContext,
  topic: TopicTopology,
  found: TopicDescription,
  config: ReadonlyMap<string, string>,
): Promise<void> {
  const brokers = await client.brokerCount()
  const replicasPossible = Math.min(replicationFactor ?? wantedReplicas, wantedReplicas, brokers)
  const replicas = Math.min(...found.partitions.map((partition) => partition.replicas))
  const inSync = Number(config.get('min.insync.replicas') ?? 1)
  const weak: string[] = []
  if (replicas < replicasPossible)
    weak.push(`it has ${replicas} replicas, and ${brokers} brokers could hold ${replicasPossible}`)
  if (inSync < Math.min(wantedInSync, replicasPossible))
    weak.push(`min.insync.replicas is ${inSync}, not ${Math.min(wantedInSync, replicasPossible)}`)
  if (config.get('unclean.leader.election.enable') === 'true')
    weak.push('unclean.leader.election.enable is true, which may lose acknowledged messages')
  const subject = `topic ${topic.name}`
  if (weak.length === 0) return report.clear('DURABILITY_WEAK', subject)
  const problem: Problem = {
    code: 'DURABILITY_WEAK',
    subject,
    message: `Topic "${topic.name}" is stored less safely than this cluster can: ${weak.join('; ')}. Change the topic (kafka-configs, kafka-reassign-partitions), or accept it with durability: 'as-is'.`,
    details: { topic: topic.name, replicas, minInSyncReplicas: inSync, brokers },
  }
  if (topic.durability === 'strict') throw new TopologyError(problem)
  report.raise(problem)
}
