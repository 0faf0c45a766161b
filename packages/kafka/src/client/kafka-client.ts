/** The thin seam: what the driver asks of a client library. Everything else is the driver's own. */
export interface KafkaClient {
  /** Resolves when a broker has answered and let us in; what is lost later comes back by itself. */
  connect(): Promise<void>
  close(): Promise<void>
  /** Fresh from the brokers; `undefined` if there is no such topic. Never creates one. */
  describeTopic(topic: string): Promise<TopicDescription | undefined>
  /** What was last learned of a topic; asks the brokers the first time. */
  knownTopic(topic: string): Promise<TopicDescription>
  /** Learns anew which broker leads what. */
  refresh(): Promise<void>
  /** A new producer id, valid in the whole cluster. */
  newProducer(): Promise<ProducerIdentity>
  produce(request: ProduceRequest): Promise<ProduceAnswer>
  fetch(node: number, request: FetchRequest): Promise<readonly FetchedPartition[]>
  /** Partitions whose leader does not answer are missing from the result. */
  offsets(
    topic: string,
    partitions: readonly number[],
    which: 'earliest' | 'latest',
  ): Promise<Map<number, number>>
  committed(
    group: string,
    topic: string,
    partitions: readonly number[],
  ): Promise<Map<number, CommittedOffset>>
  commit(
    group: string,
    member: GroupMember,
    topic: string,
    offsets: ReadonlyMap<number, CommittedOffset>,
  ): Promise<void>
  /** `onMemberId` is called as soon as the coordinator has named the member, before the others have joined. */
  join(request: JoinRequest, onMemberId: (memberId: string) => void): Promise<JoinAnswer>
  sync(group: string, member: GroupMember, assignments: ReadonlyMap<string, Buffer>): Promise<Buffer>
  heartbeat(group: string, member: GroupMember): Promise<void>
  leave(group: string, memberId: string): Promise<void>
  createTopic(request: CreateTopicRequest): Promise<void>
  topicConfig(topic: string, names: readonly string[]): Promise<Map<string, string>>
  brokerCount(): Promise<number>
  /** `undefined` where this user may not read it. */
  brokerConfig(name: string): Promise<string | undefined>
}

export interface TopicDescription {
  readonly name: string
  /** Changes when the topic is made anew; `''` where the brokers do not tell (before Kafka 2.8). */
  readonly id: string
  readonly partitions: readonly PartitionDescription[]
}

export interface PartitionDescription {
  readonly partition: number
  /** -1 while there is none. */
  readonly leader: number
  readonly replicas: number
}

export interface ProducerIdentity {
  readonly id: bigint
  readonly epoch: number
}

export interface ProduceRequest {
  readonly topic: string
  readonly partition: number
  readonly recordBatch: Buffer
}

export interface ProduceAnswer {
  readonly baseOffset: number
}

export interface FetchRequest {
  readonly topic: string
  readonly maxWaitMs: number
  readonly maxBytes: number
  readonly partitions: readonly {
    readonly partition: number
    readonly offset: number
    readonly maxBytes: number
  }[]
}

export interface FetchedPartition {
  readonly partition: number
  readonly failure: KafkaFailure | undefined
  readonly aborted: readonly { readonly producerId: bigint; readonly firstOffset: number }[]
  readonly recordSet: Buffer
}

export interface CommittedOffset {
  readonly offset: number
  readonly metadata: string
}

export interface GroupMember {
  readonly memberId: string
  readonly generation: number
}

export interface JoinRequest {
  readonly group: string
  readonly memberId: string
  readonly sessionTimeoutMs: number
  readonly rebalanceTimeoutMs: number
  readonly protocol: { readonly name: string; readonly metadata: Buffer }
}

export interface JoinAnswer extends GroupMember {
  /** Everybody's metadata when this member is the leader and has to assign; else empty. */
  readonly members: readonly { readonly memberId: string; readonly metadata: Buffer }[]
}

export interface CreateTopicRequest {
  readonly topic: string
  readonly partitions: number
  readonly replicationFactor: number
  readonly config: Readonly<Record<string, string>>
}

/** Kinds of failure that are not the name of a Kafka protocol error. */
export type ClientFailureKind =
  | 'UNREACHABLE'
  | 'CONNECTION_LOST'
  | 'TIMEOUT'
  | 'AUTHENTICATION'
  | 'TLS'
  | 'CLOSED'
  | 'CLIENT'

/** What any method of the seam rejects with. */
export class KafkaFailure extends Error {
  override readonly name = 'KafkaFailure'
  /** A protocol error's name as Kafka's, or one of {@link ClientFailureKind}. */
  readonly kind: string
  /** Whether the broker may have done what was asked: false if it said no, or was never asked. */
  readonly mayBeDone: boolean

  constructor(kind: string, message: string, mayBeDone: boolean, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause })
    this.kind = kind
    this.mayBeDone = mayBeDone
  }
}

/** Whether the brokers do not know the topic: it vanished, or it is so new that not all have heard of it. */
export const isMissingTopic = (error: unknown): boolean =>
  error instanceof KafkaFailure && error.kind === 'UNKNOWN_TOPIC_OR_PARTITION'
