import { z } from 'zod'
import { bytes, defineTopic, json, text } from '../../src/index.js'
import type { AnyTopic, Bus, GroupOf, InputOf, Message, OutputOf, PublishOptions } from '../../src/index.js'

// Checked by tsc: `expect<Same<A, B>>(true)` compiles only if the two take each other's values.
type Same<A, B> = [A, B] extends [B, A] ? true : false

interface Order {
  readonly customer: string
  readonly amount: number
}

describe('the types of a topic', () => {
  it('infers input and output from a schema', () => {
    const schema = z.object({ at: z.string().transform((at) => new Date(at)) })
    const topic = defineTopic({ name: 'orders', schema, key: (order) => order.at })
    expect<Same<InputOf<typeof topic>, { at: string }>>(true).toBe(true)
    expect<Same<OutputOf<typeof topic>, { at: Date }>>(true).toBe(true)
  })

  it('infers the value from a codec', () => {
    const notes = defineTopic({ name: 'notes', codec: text })
    const blobs = defineTopic({ name: 'blobs', codec: bytes })
    const orders = defineTopic({ name: 'orders', codec: json<Order>(), key: (order) => order.customer })
    expect<Same<InputOf<typeof notes>, string>>(true).toBe(true)
    expect<Same<OutputOf<typeof blobs>, Uint8Array>>(true).toBe(true)
    expect<Same<OutputOf<typeof orders>, Order>>(true).toBe(true)
  })

  it('takes the value as a type argument', () => {
    const orders = defineTopic<Order>({ name: 'orders', key: (order) => order.customer })
    expect<Same<InputOf<typeof orders>, Order>>(true).toBe(true)
  })

  it('knows its groups by name', () => {
    const topic = defineTopic({
      name: 'orders',
      codec: text,
      groups: ['billing', { name: 'shipping', from: 'latest' }],
    })
    expect<Same<GroupOf<typeof topic>, 'billing' | 'shipping'>>(true).toBe(true)
  })

  it('adds null where there are tombstones', () => {
    const topic = defineTopic({ name: 'orders', codec: text, tombstones: true })
    expect<Same<InputOf<typeof topic>, string | null>>(true).toBe(true)
    expect<Same<OutputOf<typeof topic>, string | null>>(true).toBe(true)
  })

  it('lets a bus take every topic, its values and nothing else', () => {
    const schema = z.object({ n: z.number() })
    const topics: AnyTopic[] = [
      defineTopic({ name: 'a', schema, key: (value) => String(value.n), groups: ['g'] }),
      defineTopic<Order>({ name: 'b', key: (order) => order.customer }),
      defineTopic({ name: 'c', codec: text }),
    ]
    const typed = defineTopic({ name: 'd', schema, groups: ['g'] })
    const use = async (bus: Bus): Promise<void> => {
      await bus.publish(typed, { n: 1 })
      // @ts-expect-error a string is not the topic's value
      await bus.publish(typed, 'one')
      await bus.subscribe(typed, { group: 'g' }, (message) => {
        expect<Same<typeof message, Message<{ n: number }>>>(true).toBe(true)
      })
      // @ts-expect-error the topic declares no such group
      await bus.subscribe(typed, { group: 'other' }, () => undefined)
      const options: PublishOptions = { key: 'k', headers: { a: 'b' } }
      await bus.publishMany(typed, [{ n: 1 }], options)
    }
    expect(typeof use).toBe('function')
    expect(topics).toHaveLength(3)
  })
})
