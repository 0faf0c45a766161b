import { setImmediate } from 'node:timers/promises'
import { ConfigError, WaybillError, show } from '@waybill/core/spi'
import type {
  Capabilities,
  ConfigProblem,
  ConsumerRequest,
  DeclaredTopic,
  Membership,
  PartitionBacklog,
  TopicTopology,
  Transport,
  TransportConsumer,
  TransportContext,
  TransportPublisher,
} from '@waybill/core/spi'
import { Broker, type MemoryBroker } from './broker.js'
import type { Connection } from './connection.js'
import { MemoryConsumer } from './consumer.js'
import { refuse, type MemorySettings } from './options.js'
import { MemoryPublisher } from './publisher.js'

export interface MemoryOptions extends Partial<MemorySettings> {
  /** Shared by the transports that shall meet. @default a broker of its own, with the settings given here */
  readonly broker?: MemoryBroker
}

/** As Kafka's: the length a consumer group's offset metadata can have by default. */
const progressBytes = 4_096

class MemoryTransport implements Transport {
  readonly name = 'memory'
  readonly capabilities: Capabilities = {
    inFlightPerPartition: 1,
    idempotentResend: true,
    acknowledgement: 'commit',
    progressBytes,
    pausable: true,
    stablePositions: true,
    maxHandlerMs: undefined,
    backlogForNewGroup: true,
    rebalancesOnJoin: true,
    storesWithoutGroup: true,
    nullBody: true,
  }
  readonly #broker: Broker
  #connection: Connection | undefined

  constructor(broker: Broker) {
    this.#broker = broker
  }

  async connect(context: TransportContext): Promise<void> {
    await setImmediate()
    this.#connection = this.#broker.connect(this, context)
  }

  async declare(topology: TopicTopology): Promise<DeclaredTopic> {
    await setImmediate()
    const { storage } = this.#broker
    storage.topic(topology.name, topology.partitions).declare(topology)
    const { maxStoredBytes } = storage.settings
    return {
      partitions: topology.partitions,
      maxMessageBytes: Math.min(topology.maxMessageBytes, maxStoredBytes),
      maxBatchBytes: maxStoredBytes,
    }
  }

  async openPublisher(): Promise<TransportPublisher> {
    await setImmediate()
    return new MemoryPublisher(this.#broker, this.#connection!)
  }

  async openConsumer(request: ConsumerRequest, membership: Membership): Promise<TransportConsumer> {
    const topic = this.#broker.storage.topics.get(request.topic.name)
    const group = topic?.groups.get(request.group)
    if (topic === undefined || group === undefined) {
      throw new WaybillError({
        code: 'GROUP_UNDECLARED',
        message: `Topic "${request.topic.name}" has no group "${request.group}" in the memory broker. Declare it in the topic's groups.`,
      })
    }
    const consumer = new MemoryConsumer(this.#broker, this.#connection!, topic, group, request, membership)
    await consumer.join()
    return consumer
  }

  async inspect(topology: TopicTopology, groupName: string): Promise<readonly PartitionBacklog[]> {
    await setImmediate()
    const topic = this.#broker.storage.topics.get(topology.name)
    const group = topic?.groups.get(groupName)
    return topic === undefined || group === undefined ? [] : topic.backlog(group)
  }

  async close(): Promise<void> {
    await setImmediate()
    this.#connection?.close()
  }
}

/**
 * A transport whose broker lives in this process: in tests, and for services that need no broker.
 * It keeps the whole contract, durability included, as long as the broker object lives; nothing
 * outlives the process.
 * @throws ConfigError
 */
export function memory(options: MemoryOptions = {}): Transport {
  const { broker, ...settings } = options
  if (broker === undefined) return new MemoryTransport(new Broker(settings))
  const problems: ConfigProblem[] = Object.keys(settings).map((path) => ({
    code: 'CONFIG_INVALID',
    path,
    message: 'belongs to the shared broker; give it to memoryBroker()',
  }))
  if (broker instanceof Broker) {
    refuse('memory()', problems)
    return new MemoryTransport(broker)
  }
  const foreign = {
    code: 'CONFIG_INVALID',
    path: 'broker',
    message: `must be made by memoryBroker(), not ${show(broker)}`,
  } as const
  throw new ConfigError('memory()', [foreign, ...problems])
}
