import {
  type Capabilities,
  type ConnectionState,
  type ConsumerRequest,
  type DeclaredTopic,
  type Membership,
  type PartitionBacklog,
  redact,
  type Transport,
  type TransportConsumer,
  type TransportContext,
  type TransportPublisher,
  type TopicTopology,
  WaybillError,
} from '@waybill/core/spi'
import { KafkajsClient } from './client/kafkajs/client.js'
import { loadInternals } from './client/kafkajs/internals.js'
import { clientLogger } from './client/kafkajs/logger.js'
import type { KafkaClient } from './client/kafka-client.js'
import { KafkaConsumer } from './consumer.js'
import { DeclaredTopics } from './declared-topics.js'
import { connectError, requestError } from './errors.js'
import { type KafkaOptions, resolveKafkaOptions, type ResolvedOptions } from './options.js'
import { KafkaPublisher } from './publisher.js'

// The default of offset.metadata.max.bytes, and as much as progress is given to grow to.
const mostProgressBytes = 4_096

const capabilities: Capabilities = {
  inFlightPerPartition: 1,
  idempotentResend: true,
  acknowledgement: 'commit',
  progressBytes: mostProgressBytes,
  pausable: true,
  stablePositions: true,
  maxHandlerMs: undefined,
  backlogForNewGroup: true,
  rebalancesOnJoin: true,
  storesWithoutGroup: true,
  nullBody: true,
}

/**
 * Kafka, 2.3 or newer. The options' table is in this package's README.
 * @throws ConfigError with every problem of the options
 */
export function kafka(options: KafkaOptions): Transport {
  return new KafkaTransport(resolveKafkaOptions(options))
}

class KafkaTransport implements Transport {
  readonly name = 'kafka'
  #capabilities = capabilities
  readonly #options: ResolvedOptions
  readonly #secrets: readonly string[]
  #context: TransportContext | undefined
  #admin: KafkaClient | undefined
  #topics: DeclaredTopics | undefined

  constructor(options: ResolvedOptions) {
    this.#options = options
    this.#secrets = options.sasl === undefined ? [] : [options.sasl.password]
  }

  get capabilities(): Capabilities {
    return this.#capabilities
  }

  async connect(context: TransportContext): Promise<void> {
    this.#context = context
    const admin = this.#client('admin')
    try {
      await admin.connect()
      const metadataBytes = Number(
        (await admin.brokerConfig('offset.metadata.max.bytes')) ?? mostProgressBytes,
      )
      this.#capabilities = { ...capabilities, progressBytes: Math.min(mostProgressBytes, metadataBytes) }
      this.#admin = admin
      this.#topics = new DeclaredTopics({
        client: admin,
        clock: context.clock,
        report: context.report,
        secrets: this.#secrets,
        replicationFactor: this.#options.replicationFactor,
        groupId: this.#options.groupId,
      })
    } catch (error) {
      await admin.close()
      throw this.#connectError(error)
    }
  }

  async declare(topic: TopicTopology): Promise<DeclaredTopic> {
    return this.#connected().topics.declare(topic)
  }

  async openPublisher(): Promise<TransportPublisher> {
    const { topics } = this.#connected()
    const client = this.#client('publisher')
    try {
      await client.connect()
    } catch (error) {
      await client.close()
      throw this.#connectError(error)
    }
    return new KafkaPublisher(client, topics, this.#secrets)
  }

  async openConsumer(request: ConsumerRequest, membership: Membership): Promise<TransportConsumer> {
    const { context, topics } = this.#connected()
    const client = this.#client(`consumer ${request.topic.name}/${request.group}`)
    const consumer = new KafkaConsumer(
      {
        client,
        clock: context.clock,
        report: context.report,
        options: this.#options,
        secrets: this.#secrets,
        topics,
      },
      request,
      membership,
    )
    await consumer.open()
    return consumer
  }

  async inspect(topic: TopicTopology, group: string): Promise<readonly PartitionBacklog[]> {
    const { admin } = this.#connected()
    try {
      const { partitions } = await admin.knownTopic(topic.name)
      const numbers = partitions.map(({ partition }) => partition)
      const [earliest, latest, committed] = await Promise.all([
        admin.offsets(topic.name, numbers, 'earliest'),
        admin.offsets(topic.name, numbers, 'latest'),
        admin.committed(this.#options.groupId(topic.name, group), topic.name, numbers),
      ])
      return [...latest].map(([partition, end]) => {
        const first = earliest.get(partition) ?? 0
        const next = Math.max(first, committed.get(partition)?.offset ?? first)
        return { partition, messages: Math.max(0, end - next) }
      })
    } catch (error) {
      throw requestError(error, {
        what: `Reading the backlog of group "${group}" of topic "${topic.name}"`,
        secrets: this.#secrets,
      })
    }
  }

  async close(): Promise<void> {
    await this.#admin?.close()
  }

  #client(connection: string): KafkaClient {
    const context = this.#context
    if (context === undefined) throw notConnected()
    const { brokers, sasl, ...settings } = this.#options
    const internals = loadInternals()
    return new KafkajsClient({
      ...settings,
      internals,
      bootstrap: brokers,
      sasl: sasl === undefined ? undefined : { ...sasl },
      clientId: context.clientId,
      clock: context.clock,
      logger: clientLogger(internals, context.logger, (text) => redact(text, this.#secrets)),
      state: (state: ConnectionState, cause?: unknown) => {
        context.report.connection(
          connection,
          state,
          cause === undefined ? undefined : this.#connectError(cause),
        )
      },
    })
  }

  #connected(): { context: TransportContext; admin: KafkaClient; topics: DeclaredTopics } {
    if (this.#context === undefined || this.#admin === undefined || this.#topics === undefined)
      throw notConnected()
    return { context: this.#context, admin: this.#admin, topics: this.#topics }
  }

  #connectError(error: unknown): WaybillError {
    if (error instanceof WaybillError) return error
    const hosts = this.#options.brokers.map(({ host, port }) => `${host}:${port}`)
    return connectError(error, hosts, this.#secrets)
  }
}

const notConnected = (): WaybillError =>
  new WaybillError({
    code: 'CLOSED',
    message: 'The Kafka transport is not connected; the bus connects it before anything else.',
  })
