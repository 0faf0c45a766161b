import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { ConfigError } from '@waybill/core/spi'
import { kafka, type KafkaOptions } from '@waybill/kafka'
import { kafkaOptionTable, resolveKafkaOptions } from '../src/options.js'

const problemsOf = (options: unknown): string[] => {
  try {
    kafka(options as KafkaOptions)
  } catch (error) {
    if (error instanceof ConfigError) return error.problems.map(({ path }) => path)
    throw error
  }
  return []
}

describe('the options of kafka()', () => {
  it('need nothing but brokers', () => {
    expect(problemsOf({ brokers: ['localhost:9092'] })).toEqual([])
    expect(resolveKafkaOptions({ brokers: ['localhost:9092'] })).toMatchObject({
      sessionTimeoutMs: 10_000,
      requestTimeoutMs: 5_000,
      ssl: undefined,
      sasl: undefined,
    })
  })

  it('report every problem in one error', () => {
    const options = {
      brokers: [],
      ssl: 'yes',
      sasl: { mechanism: 'md5', username: '' },
      groupId: 7,
      sessionTimeoutMs: 1,
      requestTimeout: 5,
    }
    expect(problemsOf(options)).toEqual([
      'requestTimeout',
      'sessionTimeoutMs',
      'brokers',
      'ssl',
      'sasl.mechanism',
      'sasl.username',
      'sasl.password',
      'groupId',
    ])
  })

  it.each([undefined, null, 7, 'localhost:9092'])('refuse %p in their place', (options) => {
    expect(problemsOf(options)).toContain('options')
  })

  it.each([
    'localhost',
    'localhost:0',
    'localhost:70000',
    'kafka://localhost:9092',
    'user:pass@localhost:9092',
    '',
    9092,
  ])('refuse the broker %p', (broker) => {
    expect(problemsOf({ brokers: ['localhost:9092', broker] })).toEqual(['brokers[1]'])
  })

  it('take host names, IPv4 and IPv6 addresses', () => {
    const { brokers } = resolveKafkaOptions({
      brokers: ['kafka-1.example:9092', '10.0.0.1:9093', '[::1]:9094'],
    })
    expect(brokers).toEqual([
      { host: 'kafka-1.example', port: 9092 },
      { host: '10.0.0.1', port: 9093 },
      { host: '::1', port: 9094 },
    ])
  })

  it('never show what was given as credentials', () => {
    const options = {
      brokers: ['user:planted-secret@host:9092'],
      sasl: { mechanism: 'plain', username: 'me', password: ['planted-secret'] },
    }
    expect(() => kafka(options as unknown as KafkaOptions)).toThrow(ConfigError)
    expect(() => kafka(options as unknown as KafkaOptions)).not.toThrow(/planted-secret/)
  })

  it.each(Object.entries(kafkaOptionTable))('check the bounds of %s', (name, option) => {
    if (option.kind !== 'number') throw new Error(`${name} is not a number: extend this test`)
    expect(problemsOf({ brokers: ['a:1'], [name]: option.min - 1 })).toEqual([name])
    expect(problemsOf({ brokers: ['a:1'], [name]: option.max + 1 })).toEqual([name])
    expect(problemsOf({ brokers: ['a:1'], [name]: option.min })).toEqual([])
    expect(problemsOf({ brokers: ['a:1'], [name]: option.max })).toEqual([])
  })
})

describe('the table of options in the README', () => {
  const rows = readFileSync(join(__dirname, '../README.md'), 'utf8').matchAll(
    /^\| `(\w+)` +\| ([\d,–]+) +\| ([\d,]+) to ([\d,]+) +\|/gm,
  )
  const documented = [...rows].map(([, name, ...cells]) => [
    name,
    ...cells.map((cell) => (cell === '–' ? undefined : Number(cell.replaceAll(',', '')))),
  ])

  it('is what the code does', () => {
    const coded = Object.entries(kafkaOptionTable).map(([name, option]) =>
      option.kind === 'number' ? [name, option.default, option.min, option.max] : [name],
    )
    expect(documented).toEqual(coded)
  })
})
