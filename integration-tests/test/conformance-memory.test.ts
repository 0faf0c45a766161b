import { memory, memoryBroker } from '@waybill/memory'
import { describeTransport } from '@waybill/testkit'
import { memoryCapabilities } from './support/memory-capabilities.js'
import { suiteOptions } from './support/suite-options.js'

describeTransport(
  'memory',
  async () => {
    const broker = memoryBroker()
    return {
      createTransport: () => memory({ broker }),
      crash: async (transport) => broker.crash(transport),
      produce: async ({ topic, partition, key, body, headers = {} }) => {
        broker.produce(topic, partition, {
          key: key === null ? null : Buffer.from(key),
          body,
          rawHeaders: Object.entries(headers),
        })
      },
      faults: {
        kill: async () => broker.stop(),
        restart: async () => broker.start(),
        cutOff: async (transport) => broker.disconnect(transport),
        reconnect: async (transport) => broker.reconnect(transport),
        losePublishReply: async () => broker.faults.loseResponse(),
      },
      stop: async () => undefined,
    }
  },
  memoryCapabilities,
  { describe, it, beforeAll, afterAll, expect },
  suiteOptions(),
)
