import type {
  Capabilities,
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
import { ConnectionError, isWaybillError } from '@waybill/core/spi'
import { randomInt } from 'node:crypto'
import { BrokerConnection } from './connection.js'
import type { Tenant } from './connection.js'
import { RabbitmqConsumer } from './consumer.js'
import { Dialer } from './dialer.js'
import { connectionLost } from './errors.js'
import { closeChannel } from './link.js'
import type { Link } from './link.js'
import { MessageLimit } from './message-limit.js'
import { resolveRabbitmqOptions } from './options.js'
import type { RabbitmqOptions, Settings } from './options.js'
import { RabbitmqPublisher } from './publisher.js'
import { queueName } from './queues.js'
import { TopologyWatch } from './topology-watch.js'
import { Topology } from './topology.js'

/**
 * The RabbitMQ transport, for RabbitMQ 3.10 and 4.x. Opens one connection to declare and inspect, one to
 * publish, and one for each subscription.
 * @throws ConfigError naming every wrong option at once
 */
export function rabbitmq(options: RabbitmqOptions): Transport {
  return new RabbitmqTransport(resolveRabbitmqOptions(options))
}

class RabbitmqTransport implements Transport {
  readonly name = 'rabbitmq'
  readonly #settings: Settings
  readonly #limit = new MessageLimit()
  readonly #consumers = new Set<RabbitmqConsumer>()
  /** Node that the next connection begins with: neighbours begin with different ones. */
  #start: number
  #superseding = true
  #connected: Connected | undefined

  constructor(settings: Settings) {
    this.#settings = settings
    this.#start = randomInt(settings.addresses.length)
  }

  get capabilities(): Capabilities {
    return {
      inFlightPerPartition: 'window',
      idempotentResend: false,
      acknowledgement: 'settle',
      progressBytes: 0,
      pausable: false,
      stablePositions: false,
      maxHandlerMs: this.#settings.consumerTimeoutMs,
      backlogForNewGroup: false,
      rebalancesOnJoin: this.#superseding,
      storesWithoutGroup: false,
      nullBody: false,
    }
  }

  async connect(context: TransportContext): Promise<void> {
    const topology = new Topology(context.report)
    const control = this.#connection('control', context, {
      up: async (link) => {
        this.#meet(link)
        for (const topic of topology.topics) await topology.restore(link, topic)
      },
      down: () => undefined,
    })
    const watch = new TopologyWatch(context, topology, () => control.link, this.#settings.topologyCheckMs)
    this.#connected = { context, topology, control, watch }
    await control.open()
  }

  async declare(topic: TopicTopology): Promise<DeclaredTopic> {
    const { topology } = this.#parts()
    await this.#onControl(`Declaring topic ${topic.name}`, (link) => topology.declare(link, topic))
    const { bytes } = this.#limit
    return { partitions: topic.partitions, maxMessageBytes: bytes, maxBatchBytes: bytes }
  }

  async openPublisher(): Promise<TransportPublisher> {
    const { context, topology, watch } = this.#parts()
    const publisher = new RabbitmqPublisher(
      {
        context,
        topology,
        limit: this.#limit,
        confirmTimeoutMs: this.#settings.confirmTimeoutMs,
        unroutable: (topic) => void watch.checkNow(topic),
        // After a partition a node may know another topology than the rest: ask elsewhere, too.
        connected: () => void watch.checkNow(),
      },
      () => connection.close(),
    )
    const connection = this.#connection('publisher', context, publisher)
    await connection.open()
    watch.start()
    return publisher
  }

  async openConsumer(request: ConsumerRequest, membership: Membership): Promise<TransportConsumer> {
    const { context, topology } = this.#parts()
    const consumer = new RabbitmqConsumer(
      {
        request,
        membership,
        topology,
        context,
        superseding: this.#superseding,
        consumerTimeoutMs: this.#settings.consumerTimeoutMs,
      },
      async () => {
        this.#consumers.delete(consumer)
        await connection.close()
      },
    )
    const connection = this.#connection(`consumer ${request.topic.name}.${request.group}`, context, consumer)
    await connection.open()
    this.#consumers.add(consumer)
    return consumer
  }

  /** Ready messages, and those this process holds unacknowledged: AMQP does not tell what other members hold. */
  inspect(topic: TopicTopology, group: string): Promise<readonly PartitionBacklog[]> {
    return this.#onControl(`Inspecting topic ${topic.name}`, async (link) => {
      const channel = await link.channel()
      const backlog: PartitionBacklog[] = []
      for (let partition = 0; partition < topic.partitions; partition++) {
        const { messageCount } = await channel.checkQueue(queueName(topic.name, group, partition))
        backlog.push({ partition, messages: messageCount + this.#outstanding(topic.name, group, partition) })
      }
      await closeChannel(channel)
      return backlog
    })
  }

  async close(): Promise<void> {
    this.#connected?.watch.stop()
    await this.#connected?.control.close()
  }

  #outstanding(topic: string, group: string, partition: number): number {
    return [...this.#consumers].reduce(
      (sum, consumer) => sum + (consumer.consumes(topic, group) ? consumer.outstanding(partition) : 0),
      0,
    )
  }

  #connection(name: string, context: TransportContext, tenant: Tenant): BrokerConnection {
    return new BrokerConnection(
      name,
      new Dialer(this.#settings, this.#start++),
      this.#settings,
      context,
      tenant,
    )
  }

  /** What the broker's version decides. */
  #meet(link: Link): void {
    const major = Number.parseInt(link.serverVersion, 10)
    this.#superseding = major >= 4
    this.#limit.setByVersion(major)
  }

  #parts(): Connected {
    if (this.#connected === undefined) throw new Error('the bus connects a transport before it uses it')
    return this.#connected
  }

  async #onControl<T>(doing: string, work: (link: Link) => Promise<T>): Promise<T> {
    const link = await this.#parts().control.whenUp(this.#settings.connectTimeoutMs)
    if (link === undefined) {
      throw new ConnectionError({
        code: 'BROKER_UNREACHABLE',
        message: `${doing} is not possible now: there is no connection to RabbitMQ. It is being restored.`,
        retryable: true,
      })
    }
    try {
      return await work(link)
    } catch (error) {
      throw isWaybillError(error) ? error : connectionLost(`${doing} failed`, error)
    }
  }
}

interface Connected {
  readonly context: TransportContext
  readonly topology: Topology
  readonly control: BrokerConnection
  readonly watch: TopologyWatch
}
