import type { TopicTopology, Transport, TransportConsumer, TransportPublisher } from '@waybill/core/spi'
import { createEnvironment } from '@waybill/integration-tests/environment'
import type {
  BrokerEnvironment,
  RabbitmqHandle,
  RabbitmqOptions,
} from '@waybill/integration-tests/environment'
import { rabbitmq } from '@waybill/rabbitmq'
import type { RabbitmqOptions as TransportOptions } from '@waybill/rabbitmq'
import type { Proxy } from '@waybill/testkit'
import type { ChannelModel } from 'amqplib'
import { Member, Witness, raw, requestOf } from './rabbitmq-harness.js'

/** A broker for one test file, a raw connection to it, and transports that are closed after each test. */
export interface Site {
  readonly broker: RabbitmqHandle
  readonly naive: ChannelModel
  readonly major: number
  readonly host: string
  /** The broker's URL with a proxy in its place. */
  through(proxy: Proxy): string
  connected(url?: string, witness?: Witness, options?: TransportOptions): Promise<Transport>
  publisherOf(transport: Transport): Promise<TransportPublisher>
  memberOf(
    transport: Transport,
    topic: TopicTopology,
    name: string,
    member?: Member,
  ): Promise<[Member, TransportConsumer]>
}

export function useRabbitmq(options: RabbitmqOptions = {}): Site {
  jest.setTimeout(60_000)
  let environment: BrokerEnvironment
  let broker: RabbitmqHandle
  let naive: ChannelModel
  const closing: (() => Promise<void>)[] = []

  beforeAll(async () => {
    environment = await createEnvironment()
    broker = await environment.rabbitmq(options)
  }, 120_000)

  beforeEach(async () => {
    naive = await raw(broker.url)
    closing.push(() => naive.close().catch(() => undefined))
  })

  afterEach(async () => {
    // What was opened last goes first, as the bus does it.
    for (const close of closing.splice(0).toReversed()) await close()
  })

  afterAll(() => environment.stop())

  return {
    get broker() {
      return broker
    },
    get naive() {
      return naive
    },
    get major() {
      return Number.parseInt(broker.version, 10)
    },
    get host() {
      return new URL(broker.url).host
    },
    through: (proxy) => broker.url.replace(new URL(broker.url).host, proxy.address),
    async connected(url = broker.url, witness = new Witness(), over = {}) {
      const transport = rabbitmq({ url, topologyCheckMs: 1_000, reconnectMaxDelayMs: 500, ...over })
      await transport.connect(witness)
      closing.push(() => transport.close())
      return transport
    },
    async publisherOf(transport) {
      const publisher = await transport.openPublisher()
      closing.push(() => publisher.close())
      return publisher
    },
    async memberOf(transport, topic, name, member = new Member()) {
      const consumer = await transport.openConsumer(requestOf(topic, name), member)
      closing.push(() => consumer.leave())
      return [member, consumer]
    },
  }
}
