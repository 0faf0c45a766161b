import { z } from 'zod'
import { ConfigError, bytes, defineTopic, json, text } from '../../src/index.js'
import { isTopic, topicOptionTable } from '../../src/topic/define-topic.js'

/** What JavaScript can pass. */
const define = (options: unknown) => defineTopic(options as { name: string })

function problemsOf(options: unknown): string[] {
  try {
    define(options)
  } catch (error) {
    if (error instanceof ConfigError) return error.problems.map(({ code, path }) => `${code} ${path}`)
    throw error
  }
  return []
}

describe('defineTopic', () => {
  it('fills in defaults and cannot be changed', () => {
    const topic = defineTopic({ name: 'orders', groups: ['billing', { name: 'audit', from: 'latest' }] })
    expect(topic).toMatchObject({
      name: 'orders',
      type: 'orders',
      tombstones: false,
      topology: {
        name: 'orders',
        partitions: 12,
        window: 500,
        maxMessageBytes: 1_000_000,
        groups: [
          { name: 'billing', from: 'earliest', acceptMissingBacklog: false },
          { name: 'audit', from: 'latest', acceptMissingBacklog: false },
        ],
      },
    })
    expect(topic.codec.contentType).toBe('application/json')
    expect([topic, topic.topology, topic.topology.groups].every(Object.isFrozen)).toBe(true)
    expect(isTopic(topic)).toBe(true)
    expect(isTopic({ ...topic, topology: undefined, name: 'x' })).toBe(true)
    expect([undefined, null, 'orders', {}].some(isTopic)).toBe(false)
  })

  it('lists everything that is wrong in one error', () => {
    const wrong = {
      name: 'orders.dead',
      partitions: 0,
      window: 2.5,
      maxMessageBytes: '1',
      tombstones: 'yes',
      key: 'customerId',
      schema: {},
      codec: { encode: () => new Uint8Array(0) },
      type: '',
      groups: ['a.b', 'dead', '7', 'x', 'x', { name: 'y', from: 'middle' }, null],
      partitons: 3,
    }
    expect(problemsOf(wrong)).toEqual([
      'CONFIG_INVALID partitions',
      'CONFIG_INVALID window',
      'CONFIG_INVALID maxMessageBytes',
      'CONFIG_INVALID tombstones',
      'CONFIG_INVALID partitons',
      'NAME_INVALID name',
      'NAME_INVALID groups[0]',
      'NAME_INVALID groups[1]',
      'NAME_INVALID groups[2]',
      'NAME_CONFLICT groups[4]',
      'CONFIG_INVALID groups[5].from',
      'NAME_INVALID groups[6]',
      'CONFIG_INVALID key',
      'CONFIG_INVALID schema',
      'CONFIG_INVALID codec',
      'CONFIG_INVALID type',
    ])
  })

  it('says in the error what is wrong, with what, and what is allowed', () => {
    expect(() => define({ name: 'orders', partitions: 2_000 })).toThrow(
      'Topic "orders" cannot be used as configured: partitions: must be a whole number from 1 to 1024, not 2000',
    )
  })

  it.each(['orders', 'a.b.c', 'A-1_x', 'retry.orders', '7.orders', 'x'.repeat(160)])(
    'takes the name %s',
    (name) => {
      expect(problemsOf({ name })).toEqual([])
    },
  )

  it.each([
    '',
    '.',
    'a.',
    '.a',
    'a..b',
    'a b',
    'ä',
    'a/b',
    'x.retry',
    'x.dead',
    'x.12',
    'x'.repeat(161),
    5,
    null,
  ])('refuses the name %j', (name) => {
    expect(problemsOf({ name })).toEqual(['NAME_INVALID name'])
  })

  it.each(['', 'a.b', 'dead', 'retry', '12', 'x'.repeat(61), 'a b', 5])('refuses the group %j', (group) => {
    expect(problemsOf({ name: 'orders', groups: [group] })).toEqual(['NAME_INVALID groups[0]'])
  })

  it.each([
    [undefined, 'options'],
    [null, 'options'],
    ['orders', 'options'],
  ])('refuses %j instead of options', (options, path) => {
    expect(problemsOf(options)).toContain(`CONFIG_INVALID ${path}`)
  })

  it.each([{}, 'billing', 5])('refuses groups that are no array: %j', (groups) => {
    expect(problemsOf({ name: 'orders', groups })).toEqual(['CONFIG_INVALID groups'])
  })

  it('keeps every option within its bounds', () => {
    for (const [name, option] of Object.entries(topicOptionTable)) {
      if (option.kind !== 'number') continue
      const outcomes = [option.min - 1, option.min, option.max, option.max + 1, Number.NaN].map(
        (value) => problemsOf({ name: 'orders', [name]: value }).length,
      )
      expect({ name, outcomes }).toEqual({ name, outcomes: [1, 0, 0, 1, 1] })
    }
  })

  it('takes a Standard Schema', () => {
    expect(problemsOf({ name: 'orders', schema: z.string() })).toEqual([])
  })
})

describe('codecs', () => {
  it('carry values there and back', () => {
    expect(json().decode(json().encode({ a: [1, null, 'é'] }))).toEqual({ a: [1, null, 'é'] })
    expect(text.decode(text.encode('naïve \u{1F600}'))).toBe('naïve \u{1F600}')
    expect(bytes.decode(bytes.encode(Uint8Array.of(0, 255)))).toEqual(Uint8Array.of(0, 255))
  })

  it('copy bytes on the way out', () => {
    const value = Uint8Array.of(1, 2)
    const body = bytes.encode(value)
    value[0] = 9
    expect(body).toEqual(Uint8Array.of(1, 2))
  })

  it.each([undefined, () => 1, Symbol('x'), 1n])('of JSON refuse %p', (value) => {
    expect(() => json().encode(value)).toThrow(TypeError)
  })

  it('refuse bytes that are not theirs', () => {
    const notUtf8 = Uint8Array.of(0x22, 0xff, 0x22)
    expect(() => json().decode(notUtf8)).toThrow(/utf-8/)
    expect(() => text.decode(notUtf8)).toThrow(/utf-8/)
    expect(() => json().decode(Buffer.from('{'))).toThrow(/JSON/)
    expect(() => text.encode(5 as unknown as string)).toThrow(TypeError)
    expect(() => bytes.encode('a' as unknown as Uint8Array)).toThrow(TypeError)
  })
})
