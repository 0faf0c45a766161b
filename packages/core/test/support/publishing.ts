import type { Clock } from '../../src/clock.js'
import { PublishEngine, type PublishSettings } from '../../src/publish/publish-engine.js'
import type { ErasedTopic } from '../../src/topic/topic.js'
import { defineTopic, text } from '../../src/index.js'
import type { FakeTransport } from './fake-transport.js'

export const settings: PublishSettings = {
  publishTimeoutMs: 10_000,
  maxUnconfirmed: 1_000,
  maxUnconfirmedBytes: 1_000_000,
  maxBatchMessages: 100,
  maxBatchBytes: 100_000,
  retryUnknown: true,
  onGiveUp: 'continue',
}

/** One partition, and the value before the colon is the key: `a:1`. Without a colon there is no key. */
export const letters: ErasedTopic = defineTopic({
  name: 'letters',
  codec: text,
  partitions: 1,
  key: (value) => (value.includes(':') ? value.split(':')[0] : undefined),
}) as ErasedTopic

export interface Resent {
  readonly partition: number
  readonly messages: number
}

export interface Publishing {
  readonly engine: PublishEngine
  readonly resent: Resent[]
}

export function publishing(
  transport: FakeTransport,
  clock: Clock,
  changed: Partial<PublishSettings> = {},
): Publishing {
  const resent: Resent[] = []
  const engine = new PublishEngine({
    clock,
    transport: transport.name,
    source: 'waybill:test',
    capabilities: () => transport.capabilities,
    settings: { ...settings, ...changed },
    declare: (topic) => transport.declare({ ...topic.topology, durability: 'strict' }),
    openPublisher: () => transport.openPublisher(),
    resent: (_, partition, messages) => resent.push({ partition, messages }),
  })
  return { engine, resent }
}
