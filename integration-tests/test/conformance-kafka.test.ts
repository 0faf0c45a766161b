import { createEnvironment } from '@waybill/integration-tests/environment'
import { type KafkaOptions, kafka } from '@waybill/kafka'
import { type TransportHarness, createProxy, describeTransport, kafkaReply } from '@waybill/testkit'
import { Kafka, logLevel } from 'kafkajs'
import { build } from './support/build.js'
import { until } from './support/until.js'
import { suiteOptions } from './support/suite-options.js'

const PRODUCE = 0

async function startKafka(): Promise<TransportHarness> {
  const [environment, proxy] = await Promise.all([
    createEnvironment(),
    createProxy({ protocol: 'kafka' }),
    build('testkit', 'kafka'),
  ])
  const broker = await environment.kafka({ proxyPort: proxy.port })
  proxy.forwardTo(broker.listeners.PROXIED?.[0] ?? '')
  const options: KafkaOptions = { brokers: broker.brokers, sessionTimeoutMs: 6_000 }
  const client = new Kafka({ brokers: [...broker.brokers], logLevel: logLevel.NOTHING })
  const producer = client.producer()
  const admin = client.admin()
  await Promise.all([producer.connect(), admin.connect()])
  return {
    createTransport: ({ cuttable }) => kafka(cuttable ? { ...options, brokers: [proxy.address] } : options),
    process: { module: '@waybill/kafka', export: 'kafka', options },
    produce: async ({ topic, partition, key, body, headers = {} }) => {
      await producer.send({ topic, messages: [{ key, partition, value: Buffer.from(body), headers }] })
    },
    faults: {
      kill: () => broker.kill(),
      restart: () => broker.restart(),
      cutOff: async () => proxy.blackhole('both'),
      reconnect: async () => proxy.clear(),
      losePublishReply: () => proxy.cutReply(kafkaReply(PRODUCE)),
      removeTopic: async (topic) => {
        await admin.deleteTopics({ topics: [topic] })
        await until('the topic is gone', async () => !(await admin.listTopics()).includes(topic))
      },
    },
    stop: async () => {
      await Promise.all([producer.disconnect(), admin.disconnect()])
      await proxy.close()
      await environment.stop()
    },
  }
}

describeTransport(
  'kafka',
  startKafka,
  {
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
  },
  { describe, it, beforeAll, afterAll, expect },
  suiteOptions(),
)
