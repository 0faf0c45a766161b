import { kafka, type KafkaOptions } from '@waybill/kafka'
import type { WaybillError } from '@waybill/core/spi'
import {
  type BrokerEnvironment,
  createEnvironment,
  type KafkaHandle,
} from '@waybill/integration-tests/environment'
import { createServer } from 'node:net'
import {
  batch,
  context,
  publish,
  recordingMembership,
  storedPositions,
  topology,
  until,
} from './kafka-support.js'

jest.setTimeout(60_000)

const user = { username: 'waybill', password: 'planted-secret-42' }
let environment: BrokerEnvironment
let broker: KafkaHandle

beforeAll(async () => {
  environment = await createEnvironment()
  broker = await environment.kafka({
    security: { listeners: ['SSL', 'SASL_PLAINTEXT', 'SASL_SSL'], users: [user] },
  })
}, 180_000)

afterAll(async () => {
  await environment?.stop()
})

const tls = () => ({ ca: broker.certificates?.ca ?? '' })

async function roundTrip(topic: string, options: KafkaOptions): Promise<string[]> {
  const transport = kafka(options)
  await transport.connect(context())
  await transport.declare(topology(topic))
  const publisher = await transport.openPublisher()
  storedPositions(await publish(publisher, batch(topic, 0, ['a'])))
  const membership = recordingMembership()
  const consumer = await transport.openConsumer(
    { topic: topology(topic), group: 'billing', memberId: 'm', handlerTimeoutMs: 1_000 },
    membership,
  )
  await until(() => membership.bodies(0).length === 1)
  await Promise.all([consumer.leave(), publisher.close()])
  await transport.close()
  return membership.bodies(0)
}

/** The error, and everything that was said on the way to it. */
async function refusal(options: KafkaOptions): Promise<{ error: WaybillError; said: string }> {
  const lines: string[] = []
  const write = (message: string, details?: unknown): void =>
    void lines.push(message, JSON.stringify(details))
  const surroundings = { ...context(), logger: { debug: write, info: write, warn: write, error: write } }
  const transport = kafka({ connectTimeoutMs: 3_000, ...options })
  const error = await transport.connect(surroundings).then(
    () => undefined,
    (thrown: unknown) => thrown as WaybillError,
  )
  if (error === undefined) throw new Error('it was let in')
  const causes: string[] = []
  for (let at: unknown = error; at instanceof Error; at = at.cause)
    causes.push(String(at.stack), JSON.stringify(at))
  return { error, said: [...lines, ...causes, JSON.stringify(surroundings.states)].join('\n') }
}

describe('a secured cluster', () => {
  it('is used through TLS', async () => {
    await expect(roundTrip('over-tls', { brokers: broker.listeners.SSL ?? [], ssl: tls() })).resolves.toEqual(
      ['a'],
    )
  })

  it.each(['plain', 'scram-sha-256', 'scram-sha-512'] as const)(
    'is logged in to by %s',
    async (mechanism) => {
      await expect(
        roundTrip(`sasl-${mechanism}`, {
          brokers: broker.listeners.SASL_PLAINTEXT ?? [],
          sasl: { mechanism, ...user },
        }),
      ).resolves.toEqual(['a'])
    },
  )

  it('is logged in to through TLS', async () => {
    const options: KafkaOptions = {
      brokers: broker.listeners.SASL_SSL ?? [],
      ssl: tls(),
      sasl: { mechanism: 'scram-sha-512', ...user },
    }
    await expect(roundTrip('sasl-over-tls', options)).resolves.toEqual(['a'])
  })

  it.each(['plain', 'scram-sha-256', 'scram-sha-512'] as const)(
    'refuses a wrong password by %s, and nothing shows it',
    async (mechanism) => {
      const sasl = { mechanism, username: user.username, password: 'planted-wrong-password' }
      const { error, said } = await refusal({ brokers: broker.listeners.SASL_PLAINTEXT ?? [], sasl })
      expect(error).toMatchObject({
        name: 'ConnectionError',
        code: 'AUTHENTICATION_FAILED',
        retryable: false,
      })
      expect(said).not.toContain('planted-wrong-password')
    },
  )

  it('refuses a certificate that nobody vouches for', async () => {
    const { error } = await refusal({ brokers: broker.listeners.SSL ?? [], ssl: true })
    expect(error).toMatchObject({ name: 'ConnectionError', code: 'TLS_FAILED' })
  })

  it('refuses TLS on a port that does not speak it', async () => {
    const { error } = await refusal({ brokers: broker.brokers, ssl: tls() })
    expect(['TLS_FAILED', 'BROKER_UNREACHABLE']).toContain(error.code)
  })

  it('does not answer plain text on a TLS port, and the error says what to check', async () => {
    const { error } = await refusal({ brokers: broker.listeners.SSL ?? [] })
    expect(error.code).toBe('BROKER_UNREACHABLE')
    expect(error.message).toMatch(/ssl/)
  })
})

describe('a cluster that is not there', () => {
  it('is named in the error, host by host', async () => {
    const { error } = await refusal({ brokers: ['127.0.0.1:1', 'no-such-host.invalid:9092'] })
    expect(error).toMatchObject({ code: 'BROKER_UNREACHABLE', retryable: true })
    expect(error.message).toMatch(/127\.0\.0\.1:1, no-such-host\.invalid:9092/)
  })

  it('is given up after the connect timeout when it takes connections and says nothing', async () => {
    const silent = createServer()
    await new Promise<void>((resolve) => void silent.listen(0, '127.0.0.1', resolve))
    const address = silent.address()
    const port = typeof address === 'object' ? address?.port : 0
    const start = performance.now()
    const { error } = await refusal({ brokers: [`127.0.0.1:${port}`], connectTimeoutMs: 500 })
    expect(error.code).toBe('BROKER_UNREACHABLE')
    expect(performance.now() - start).toBeLessThan(3_000)
    silent.close()
  })

  it('finds its way past a broker that is down', async () => {
    await expect(roundTrip('past-dead', { brokers: ['127.0.0.1:1', ...broker.brokers] })).resolves.toEqual([
      'a',
    ])
  })
})

describe('the console', () => {
  it('is left alone', async () => {
    const methods = ['log', 'info', 'warn', 'error', 'debug'] as const
    const spies = methods.map((method) => jest.spyOn(console, method).mockImplementation(() => undefined))
    const warned: unknown[] = []
    const onWarning = (warning: unknown): void => void warned.push(warning)
    process.on('warning', onWarning)
    await roundTrip('quiet', { brokers: broker.brokers })
    await refusal({ brokers: ['127.0.0.1:1'] })
    process.off('warning', onWarning)
    const calls = spies.flatMap((spy) => spy.mock.calls)
    for (const spy of spies) spy.mockRestore()
    expect(calls).toEqual([])
    expect(warned).toEqual([])
  })
})
