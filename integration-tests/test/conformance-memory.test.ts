import type { Transport } from '@waybill/core'
import { memory, memoryBroker } from '@waybill/memory'
import { describeTransport } from '@waybill/testkit'
import { memoryCapabilities } from './support/memory-capabilities.js'
import { suiteOptions } from './support/suite-options.js'

describeTransport(
  'memory',
  async () => {
    const broker = memoryBroker()
    const cuttable: Transport[] = []
    return {
      createTransport: ({ cuttable: isCuttable }) => {
        const transport = memory({ broker })
        if (isCuttable) cuttable.push(transport)
        return transport
      },
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
        cutOff: async () => cuttable.forEach((transport) => broker.disconnect(transport)),
        reconnect: async () => cuttable.forEach((transport) => broker.reconnect(transport)),
        losePublishReply: async () => broker.faults.loseResponse(),
      },
      stop: async () => undefined,
    }
  },
  memoryCapabilities,
  { describe, it, beforeAll, afterAll, expect },
  suiteOptions(),
)
