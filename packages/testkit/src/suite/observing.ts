import type { Bus, BusSettings } from '@waybill/core'
import type { Transport, TransportPublisher } from '@waybill/core/spi'
import { wrapTransport } from '../fault/wrap-transport.js'
import type { Scene } from './scene.js'

/** What was seen of the batches that went to a transport. */
export interface Sends {
  /** Most batches of one partition that were unconfirmed at the same time. */
  mostAtOnce: number
  /** Most records in one batch. */
  largest: number
}

/** A bus whose batches are counted on their way to the transport. */
export async function observing(
  scene: Scene,
  settings: Partial<BusSettings>,
): Promise<{ bus: Bus; sends: Sends }> {
  const sends: Sends = { mostAtOnce: 0, largest: 0 }
  const bus = await scene.bus({ ...settings, around: (transport) => counting(transport, sends) })
  return { bus, sends }
}

function counting(transport: Transport, sends: Sends): Transport {
  const unconfirmed = new Map<string, number>()
  const publisher = (real: TransportPublisher): TransportPublisher => ({
    async send(batch, signal) {
      const partition = `${batch.topic}/${batch.partition}`
      const count = (unconfirmed.get(partition) ?? 0) + 1
      unconfirmed.set(partition, count)
      sends.mostAtOnce = Math.max(sends.mostAtOnce, count)
      sends.largest = Math.max(sends.largest, batch.records.length)
      try {
        return await real.send(batch, signal)
      } finally {
        unconfirmed.set(partition, (unconfirmed.get(partition) ?? 1) - 1)
      }
    },
    abandon: (batch) => real.abandon(batch),
    close: () => real.close(),
  })
  return wrapTransport(transport, { publisher })
}
