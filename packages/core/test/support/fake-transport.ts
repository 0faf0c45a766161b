import type {
  Batch,
  Capabilities,
  ConsumerRequest,
  DeclaredTopic,
  Membership,
  PartitionBacklog,
  TopicTopology,
  Transport,
  TransportContext,
} from '../../src/spi.js'
import { FakeConsumer } from './fake-consumer.js'
import { FakePublisher, type Answering } from './fake-publisher.js'

export const commitCapabilities: Capabilities = {
  inFlightPerPartition: 1,
  idempotentResend: true,
  acknowledgement: 'commit',
  progressBytes: 4_096,
  pausable: true,
  stablePositions: true,
  maxHandlerMs: undefined,
  backlogForNewGroup: true,
  rebalancesOnJoin: true,
  storesWithoutGroup: true,
  nullBody: true,
}

export const settleCapabilities: Capabilities = {
  ...commitCapabilities,
  inFlightPerPartition: 'window',
  idempotentResend: false,
  acknowledgement: 'settle',
  progressBytes: 0,
  pausable: false,
  stablePositions: false,
  maxHandlerMs: 1_800_000,
  backlogForNewGroup: false,
  storesWithoutGroup: false,
  nullBody: false,
}

/** A broker that does what the test says, and writes down what it was told. */
export class FakeTransport implements Transport {
  readonly name = 'fake'
  readonly capabilities: Capabilities
  /** Every call of the bus, in order. */
  readonly calls: string[] = []
  readonly publishers: FakePublisher[] = []
  readonly consumers: FakeConsumer[] = []
  declared: Partial<DeclaredTopic> = {}
  context: TransportContext | undefined
  /** How sends are answered; unset: by the test, one by one. */
  answering: Answering | undefined
  onAbandon: (batch: Batch) => void = () => undefined
  onConnect: () => Promise<void> = () => Promise.resolve()
  onDeclare: (topic: TopicTopology) => Promise<void> = () => Promise.resolve()
  onOpenPublisher: () => Promise<void> = () => Promise.resolve()
  onOpenConsumer: (membership: Membership) => Promise<void> = () => Promise.resolve()

  constructor(capabilities: Partial<Capabilities> = {}) {
    this.capabilities = { ...commitCapabilities, ...capabilities }
  }

  async connect(context: TransportContext): Promise<void> {
    this.calls.push('connect')
    this.context = context
    await this.onConnect()
  }

  async declare(topic: TopicTopology): Promise<DeclaredTopic> {
    this.calls.push(`declare ${topic.name}`)
    await this.onDeclare(topic)
    return {
      partitions: topic.partitions,
      maxMessageBytes: 10_000_000,
      maxBatchBytes: 10_000_000,
      ...this.declared,
    }
  }

  async openPublisher(): Promise<FakePublisher> {
    this.calls.push('openPublisher')
    await this.onOpenPublisher()
    const publisher = new FakePublisher(
      this.answering,
      (batch) => this.onAbandon(batch),
      (call) => this.calls.push(call),
    )
    this.publishers.push(publisher)
    return publisher
  }

  async openConsumer(request: ConsumerRequest, membership: Membership): Promise<FakeConsumer> {
    this.calls.push(`openConsumer ${request.topic.name}.${request.group}`)
    await this.onOpenConsumer(membership)
    const consumer = new FakeConsumer(request, membership, (call) => this.calls.push(call))
    this.consumers.push(consumer)
    return consumer
  }

  inspect(): Promise<readonly PartitionBacklog[]> {
    return Promise.resolve([])
  }

  close(): Promise<void> {
    this.calls.push('close')
    return Promise.resolve()
  }
}
