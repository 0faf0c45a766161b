import {
  type CommittedOffset,
  type CreateTopicRequest,
  type FetchedPartition,
  type FetchRequest,
  type GroupMember,
  isMissingTopic,
  type JoinAnswer,
  type JoinRequest,
  type KafkaClient,
  KafkaFailure,
  type ProduceAnswer,
  type ProduceRequest,
  type ProducerIdentity,
  type TopicDescription,
} from '../kafka-client.js'
import { Cluster, type ClusterSettings } from './cluster.js'
import { Coordinators } from './coordinators.js'
import { fetchRequest } from './fetch.js'
import type { Node } from './node.js'
import { produceRequest } from './produce.js'

const transactionalId = null
const latest = -1
const earliest = -2
const topicResource = 2
const brokerResource = 4

/** The seam over kafkajs's connections. */
export class KafkajsClient implements KafkaClient {
  readonly #cluster: Cluster
  readonly #coordinators: Coordinators
  readonly #requestTimeoutMs: number
  /** Shorter than our own wait, so that the broker's "not yet everywhere" comes before we hang up. */
  readonly #produceTimeoutMs: number

  constructor(settings: ClusterSettings) {
    this.#cluster = new Cluster(settings)
    this.#coordinators = new Coordinators(this.#cluster)
    this.#requestTimeoutMs = settings.requestTimeoutMs
    this.#produceTimeoutMs = Math.ceil(settings.requestTimeoutMs * 0.8)
  }

  connect(): Promise<void> {
    return this.#cluster.connect()
  }

  close(): Promise<void> {
    return this.#cluster.close()
  }

  refresh(): Promise<void> {
    return this.#cluster.refresh()
  }

  knownTopic(topic: string): Promise<TopicDescription> {
    return this.#cluster.topic(topic)
  }

  async describeTopic(topic: string): Promise<TopicDescription | undefined> {
    this.#cluster.forget(topic)
    try {
      return await this.#cluster.topic(topic)
    } catch (error) {
      if (isMissingTopic(error)) return undefined
      throw error
    }
  }

  async brokerCount(): Promise<number> {
    await this.#cluster.refresh()
    return this.#cluster.size
  }

  async newProducer(): Promise<ProducerIdentity> {
    const node = this.#cluster.any()
    const args = { transactionalId, transactionTimeout: 60_000 }
    const { producerId, producerEpoch } = await node.request<{ producerId: string; producerEpoch: number }>(
      'InitProducerId',
      args,
    )
    return { id: BigInt(producerId), epoch: producerEpoch }
  }

  async produce(request: ProduceRequest): Promise<ProduceAnswer> {
    const { topic, partition } = request
    const leader = await this.#cluster.leader(topic, partition).catch((error: KafkaFailure) => {
      // Whatever became of asking who leads, nothing was sent.
      throw new KafkaFailure(error.kind, error.message, false, error)
    })
    const answers = await leader.send('main', () => produceRequest(request, this.#produceTimeoutMs))
    const answer = answers.find((candidate) => candidate.topic === topic && candidate.partition === partition)
    if (answer === undefined) throw new KafkaFailure('CLIENT', 'the answer does not name the partition', true)
    if (answer.errorCode !== 0) throw this.#cluster.failure(answer.errorCode)
    return { baseOffset: answer.baseOffset }
  }

  async fetch(node: number, request: FetchRequest): Promise<readonly FetchedPartition[]> {
    const answers = await this.#cluster.node(node).send('fetch', () => fetchRequest(request))
    return answers.map(({ errorCode, ...rest }) => ({
      ...rest,
      failure: errorCode === 0 ? undefined : this.#cluster.failure(errorCode),
    }))
  }

  async offsets(
    topic: string,
    partitions: readonly number[],
    which: 'earliest' | 'latest',
  ): Promise<Map<number, number>> {
    const timestamp = which === 'latest' ? latest : earliest
    const byLeader = new Map<Node, number[]>()
    for (const partition of partitions) {
      const leader = await this.#cluster.leader(topic, partition).catch(() => undefined)
      if (leader !== undefined) byLeader.set(leader, [...(byLeader.get(leader) ?? []), partition])
    }
    const asked = await Promise.allSettled(
      [...byLeader].map(([node, list]) =>
        node.request<ListedOffsets>('ListOffsets', {
          replicaId: -1,
          isolationLevel: 1,
          topics: [{ topic, partitions: list.map((partition) => ({ partition, timestamp })) }],
        }),
      ),
    )
    const answers = asked.flatMap((answer) => (answer.status === 'fulfilled' ? [answer.value] : []))
    const refusal = asked.find((answer) => answer.status === 'rejected')
    if (answers.length === 0 && refusal !== undefined) throw refusal.reason
    const listed = answers.flatMap(({ responses }) => responses.flatMap((response) => response.partitions))
    return new Map(listed.map(({ partition, offset }) => [partition, Number(offset)]))
  }

  async committed(
    group: string,
    topic: string,
    partitions: readonly number[],
  ): Promise<Map<number, CommittedOffset>> {
    const topics = [{ topic, partitions: partitions.map((partition) => ({ partition })) }]
    const { responses } = await this.#coordinators.request<FetchedOffsets>(group, 'OffsetFetch', {
      groupId: group,
      topics,
    })
    const listed = responses
      .flatMap((response) => response.partitions)
      .filter(({ offset }) => Number(offset) >= 0)
    return new Map(
      listed.map(({ partition, offset, metadata }) => [
        partition,
        { offset: Number(offset), metadata: metadata ?? '' },
      ]),
    )
  }

  async commit(
    group: string,
    member: GroupMember,
    topic: string,
    offsets: ReadonlyMap<number, CommittedOffset>,
  ): Promise<void> {
    const partitions = [...offsets].map(([partition, { offset, metadata }]) => ({
      partition,
      offset: String(offset),
      metadata,
    }))
    const topics = [{ topic, partitions }]
    await this.#coordinators.request(group, 'OffsetCommit', { groupId: group, ...wireMember(member), topics })
  }

  join(request: JoinRequest, onMemberId: (memberId: string) => void): Promise<JoinAnswer> {
    return this.#coordinators.join(request, onMemberId)
  }

  async sync(group: string, member: GroupMember, assignments: ReadonlyMap<string, Buffer>): Promise<Buffer> {
    const groupAssignment = [...assignments].map(([memberId, memberAssignment]) => ({
      memberId,
      memberAssignment,
    }))
    const args = {
      groupId: group,
      generationId: member.generation,
      memberId: member.memberId,
      groupAssignment,
    }
    const { memberAssignment } = await this.#coordinators.request<{ memberAssignment: Buffer }>(
      group,
      'SyncGroup',
      args,
    )
    return memberAssignment
  }

  async heartbeat(group: string, member: GroupMember): Promise<void> {
    await this.#coordinators.request(group, 'Heartbeat', { groupId: group, ...wireMember(member) })
  }

  leave(group: string, memberId: string): Promise<void> {
    return this.#coordinators.leave(group, memberId)
  }

  async createTopic({ topic, partitions, replicationFactor, config }: CreateTopicRequest): Promise<void> {
    const configEntries = Object.entries(config).map(([name, value]) => ({ name, value }))
    const topics = [
      { topic, numPartitions: partitions, replicationFactor, replicaAssignment: [], configEntries },
    ]
    await this.#cluster
      .controller()
      .request('CreateTopics', { topics, validateOnly: false, timeout: this.#requestTimeoutMs })
  }

  topicConfig(topic: string, names: readonly string[]): Promise<Map<string, string>> {
    return this.#config(this.#cluster.any(), topicResource, topic, names)
  }

  async brokerConfig(name: string): Promise<string | undefined> {
    try {
      const [id, node] = this.#cluster.someone()
      return (await this.#config(node, brokerResource, String(id), [name])).get(name)
    } catch {
      return undefined
    }
  }

  async #config(
    node: Node,
    type: number,
    name: string,
    configNames: readonly string[],
  ): Promise<Map<string, string>> {
    const args = { resources: [{ type, name, configNames }], includeSynonyms: false }
    const answer = await node.request<DescribedConfigs>('DescribeConfigs', args)
    const entries = answer.resources.flatMap((resource) => resource.configEntries)
    return new Map(entries.map(({ configName, configValue }) => [configName, configValue ?? '']))
  }
}

const wireMember = ({ memberId, generation }: GroupMember): object => ({
  memberId,
  groupGenerationId: generation,
})

interface ListedOffsets {
  readonly responses: readonly {
    readonly partitions: readonly { readonly partition: number; readonly offset: string }[]
  }[]
}

interface FetchedOffsets {
  readonly responses: readonly {
    readonly partitions: readonly {
      readonly partition: number
      readonly offset: string
      readonly metadata: string | null
    }[]
  }[]
}

interface DescribedConfigs {
  readonly resources: readonly {
    readonly configEntries: readonly { readonly configName: string; readonly configValue: string | null }[]
  }[]
}
