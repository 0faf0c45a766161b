import { createBus, defineTopic, text, type Bus, type BusOptions } from '../../src/index.js'
import type { Capabilities } from '../../src/spi.js'
import { stored } from './fake-publisher.js'
import { FakeTransport } from './fake-transport.js'
import { VirtualClock } from './virtual-clock.js'

export const orders = defineTopic({
  name: 'orders',
  codec: text,
  partitions: 2,
  window: 100,
  groups: ['billing', 'shipping'],
})

/** A bus on a broker that stores everything at once. */
export function setUpBus(
  options: Partial<BusOptions> = {},
  capabilities: Partial<Capabilities> = {},
): { bus: Bus; transport: FakeTransport; clock: VirtualClock } {
  const clock = new VirtualClock()
  const transport = new FakeTransport(capabilities)
  transport.answering = (send) => send.answer(stored)
  const bus = createBus({ transport, clock, clientId: 'test', ...options })
  return { bus, transport, clock }
}
