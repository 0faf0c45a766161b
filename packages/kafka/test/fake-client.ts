import type { KafkaClient } from '../src/client/kafka-client.js'

/** A client of which a test says what it needs; everything else fails the test. */
export const fakeClient = (parts: Partial<KafkaClient>): KafkaClient =>
  new Proxy(parts as KafkaClient, {
    get: (target, name) =>
      (Reflect.get(target, name) as unknown) ??
      (() => Promise.reject(new Error(`the test did not expect ${String(name)}()`))),
  })
