import type { PublishError, Receipt } from '../../src/index.js'
import type { PublishSettings } from '../../src/publish/publish-engine.js'
import type { FakePublisher, FakeSend } from './fake-publisher.js'
import { FakeTransport } from './fake-transport.js'
import { letters, publishing } from './publishing.js'
import { VirtualClock } from './virtual-clock.js'

type Outcome = Receipt | PublishError

/** A publish engine whose sends wait for the test's answer, and what became of each publish. */
export const setUp = (changed: Partial<PublishSettings> = {}, capabilities: object = {}) => {
  const clock = new VirtualClock()
  const transport = new FakeTransport(capabilities)
  const { engine, resent } = publishing(transport, clock, changed)
  const outcomes = new Map<string, Outcome | undefined>()
  const publish = (id: string, value = id, options: object = {}, topic = letters): void => {
    outcomes.set(id, undefined)
    engine.publish(topic, value, { id, ...options }).then(
      (receipt) => outcomes.set(id, receipt),
      (error: unknown) => outcomes.set(id, error as PublishError),
    )
  }
  const publisher = (): FakePublisher => transport.publishers[0]!
  const waiting = (): FakeSend => publisher().waiting[0]!
  const sent = (): string[][] => publisher().sends.map((send) => send.ids)
  return { clock, transport, engine, resent, outcomes, publish, publisher, waiting, sent }
}
