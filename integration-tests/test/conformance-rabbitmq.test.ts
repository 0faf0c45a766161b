import { createEnvironment } from '@waybill/integration-tests/environment'
import { type RabbitmqOptions, rabbitmq } from '@waybill/rabbitmq'
import { type TransportHarness, amqpConfirm, createProxy, describeTransport } from '@waybill/testkit'
import { type ChannelModel, connect } from 'amqplib'
import { build } from './support/build.js'
import { suiteOptions } from './support/suite-options.js'

/** Brokers from 4.0 on let a consumer of higher priority take over. */
const SUPERSEDING_MAJOR = 4

async function startRabbitmq(): Promise<TransportHarness> {
  const [environment, proxy] = await Promise.all([
    createEnvironment(),
    createProxy({ protocol: 'amqp' }),
    build('testkit', 'rabbitmq'),
  ])
  const broker = await environment.rabbitmq()
  const url = new URL(broker.url)
  proxy.forwardTo(url.host)
  const proxied = new URL(broker.url)
  proxied.port = String(proxy.port)
  const options: RabbitmqOptions = { url: broker.url, heartbeatMs: 2_000 }
  const onChannel = async <T>(task: (model: ChannelModel) => Promise<T>): Promise<T> => {
    const model = await connect(broker.url)
    try {
      return await task(model)
    } finally {
      await model.close()
    }
  }
  return {
    capabilities: { rebalancesOnJoin: Number.parseInt(broker.version, 10) >= SUPERSEDING_MAJOR },
    createTransport: ({ cuttable }) => rabbitmq(cuttable ? { ...options, url: proxied.href } : options),
    process: { module: '@waybill/rabbitmq', export: 'rabbitmq', options },
    produce: ({ topic, partition, key, body, headers = {} }) =>
      onChannel(async (model) => {
        const channel = await model.createConfirmChannel()
        // AMQP has no keys; CloudEvents' partitionkey is what foreign producers can say.
        const keyed = key === null ? headers : { ...headers, 'cloudEvents:partitionkey': key }
        channel.publish(topic, String(partition), Buffer.from(body), { headers: keyed })
        await channel.waitForConfirms()
      }),
    faults: {
      kill: async () => {
        await broker.syncQueues()
        await broker.kill()
      },
      restart: () => broker.restart(),
      cutOff: async () => proxy.blackhole('both'),
      reconnect: async () => proxy.clear(),
      losePublishReply: () => proxy.cutReply(amqpConfirm),
      removeTopic: (topic, groups, partitions) =>
        onChannel(async (model) => {
          const channel = await model.createChannel()
          for (const group of groups) {
            for (let partition = 0; partition < partitions; partition += 1) {
              await channel.deleteQueue(`${topic}.${group}.${partition}`)
            }
          }
        }),
    },
    stop: async () => {
      await proxy.close()
      await environment.stop()
    },
  }
}

describeTransport(
  'rabbitmq',
  startRabbitmq,
  {
    inFlightPerPartition: 'window',
    idempotentResend: false,
    acknowledgement: 'settle',
    progressBytes: 0,
    pausable: false,
    stablePositions: false,
    maxHandlerMs: 1_800_000,
    backlogForNewGroup: false,
    rebalancesOnJoin: true,
    storesWithoutGroup: false,
    nullBody: false,
  },
  { describe, it, beforeAll, afterAll, expect },
  suiteOptions(),
)
