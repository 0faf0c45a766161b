import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { ConfigError } from '@waybill/core/spi'
import { rabbitmq, rabbitmqOptionTable } from '../src/index.js'
import type { RabbitmqOptions } from '../src/index.js'
import { resolveRabbitmqOptions } from '../src/options.js'

function problemsOf(options: RabbitmqOptions): Record<string, string> {
  try {
    rabbitmq(options)
  } catch (error) {
    if (error instanceof ConfigError)
      return Object.fromEntries(error.problems.map(({ path, message }) => [path, message]))
    throw error
  }
  return {}
}

describe('the options of the RabbitMQ transport', () => {
  it('read a URL as the URI specification says', () => {
    const [address] = resolveRabbitmqOptions({ url: 'amqps://us%40er:p%2Fw@[::1]/my%2Fhost' }).addresses
    expect(address).toEqual({
      protocol: 'amqps',
      host: '::1',
      port: 5671,
      username: 'us@er',
      password: 'p/w',
      vhost: 'my/host',
    })
    const [plain] = resolveRabbitmqOptions({ url: 'amqp://rabbit' }).addresses
    expect(plain).toEqual({
      protocol: 'amqp',
      host: 'rabbit',
      port: 5672,
      username: 'guest',
      password: 'guest',
      vhost: '/',
    })
  })

  it('report every problem in one error', () => {
    const wrong = {
      url: 'http://host',
      heartbeatMs: 1_500,
      confirmTimeoutMs: 1,
      tls: { cert: 'x' },
      auth: 'magic',
      heartbeat: 5,
    }
    expect(Object.keys(problemsOf(wrong as unknown as RabbitmqOptions)).toSorted()).toEqual([
      'auth',
      'confirmTimeoutMs',
      'heartbeat',
      'heartbeatMs',
      'tls',
      'url',
    ])
    expect(problemsOf({})).toEqual({ url: expect.stringContaining('needed') as string })
    expect(problemsOf({ url: 'amqp://a', urls: ['amqp://b'] })).toHaveProperty('url')
    expect(problemsOf({ urls: [] })).toHaveProperty('urls')
    expect(problemsOf({ urls: ['amqp://a', 'nonsense'] })).toHaveProperty(['urls[1]'])
    expect(problemsOf({ url: 'amqp://a?heartbeat=5' })).toEqual({
      url: expect.stringContaining('query') as string,
    })
    expect(problemsOf({ url: 'amqps://a', auth: 'external' })).toHaveProperty('auth')
    expect(problemsOf({ url: 'amqp://a', tls: {} })).toHaveProperty('tls')
  })

  it.each(['http://u:pl4nted@host', 'amqp://u:pl4nted@host:nope', 'amqp://u:pl4nted%ZZ@host'])(
    'show no credentials when %s is refused',
    (url) => {
      const shown = Object.values(problemsOf({ url }))
      expect(shown).toHaveLength(1)
      expect(shown.join()).not.toContain('pl4nted')
    },
  )

  it('are what the README says', () => {
    const readme = readFileSync(join(__dirname, '..', 'README.md'), 'utf8')
    const rows = [...readme.matchAll(/^\| `(\w+Ms)` +\| ([\d,]+) +\| ([\d,]+) to ([\d,]+) +\|/gm)]
    const toNumber = (text = ''): number => Number(text.replaceAll(',', ''))
    const documented = rows.map(([, name, byDefault, min, max]) => [
      name,
      { kind: 'number', default: toNumber(byDefault), min: toNumber(min), max: toNumber(max) },
    ])
    expect(documented).toEqual(Object.entries(rabbitmqOptionTable))
  })
})
