import {
  type BrokerEnvironment,
  type KafkaHandle,
  createEnvironment,
} from '@waybill/integration-tests/environment'
import { createProxy } from '@waybill/testkit'
import amqp from 'amqplib'
import Redis from 'ioredis'
import { Kafka, type KafkaConfig, type SASLOptions, logLevel } from 'kafkajs'
import { externalProvider } from '../src/environment/external.js'
import { stands } from './support/until.js'

jest.setTimeout(180_000)

let environment: BrokerEnvironment
beforeAll(async () => {
  environment = await createEnvironment()
})
afterAll(() => environment.stop())

describe('redis', () => {
  it('answers nothing while paused, and keeps data and port when killed', async () => {
    const server = await environment.redis()
    const client = new Redis(server.url, { maxRetriesPerRequest: null, retryStrategy: () => 50 })
    client.on('error', () => undefined)
    await client.set('k', 'v')

    await server.pause()
    const reply = client.get('k')
    expect(await stands(reply)).toBe(true)
    await server.resume()
    expect(await reply).toBe('v')

    await server.kill()
    await server.restart()
    expect(await client.get('k')).toBe('v')
    await client.quit()
    await server.stop()
  })
})

describe('rabbitmq', () => {
  it('answers nothing while paused, and keeps data and port when killed', async () => {
    const broker = await environment.rabbitmq()
    const before = await amqp.connect(broker.url)
    before.on('error', () => undefined)
    const publisher = await before.createConfirmChannel()
    await publisher.assertQueue('q', { durable: true, arguments: { 'x-queue-type': 'quorum' } })
    publisher.sendToQueue('q', Buffer.from('v'), { persistent: true })
    await publisher.waitForConfirms()
    await broker.syncQueues()

    await broker.pause()
    const reply = publisher.checkQueue('q')
    expect(await stands(reply)).toBe(true)
    await broker.resume()
    expect(await reply).toMatchObject({ queue: 'q' })

    await broker.kill()
    await broker.restart()
    const after = await amqp.connect(broker.url)
    const message = await (await after.createChannel()).get('q', { noAck: true })
    expect(message).toHaveProperty('content', Buffer.from('v'))
    await after.close()
    await broker.stop()
  })

  it('serves TLS with log-in by client certificate, and obeys rabbitmqctl', async () => {
    const broker = await environment.rabbitmq({ tls: true, config: ['channel_max = 77'] })
    if (!broker.tlsUrl || !broker.certificates) throw new Error('TLS was asked for')
    const { ca, client: certificate } = broker.certificates
    await expect(amqp.connect(broker.tlsUrl)).rejects.toThrow('self-signed certificate')

    const external = { ca: [ca], ...certificate, credentials: amqp.credentials.external() }
    const connection = await amqp.connect(broker.tlsUrl.replace('guest:guest@', ''), external)
    const closed = new Promise<unknown>((resolve) => connection.once('close', resolve))
    const connections = await broker.ctl('list_connections', 'user', 'auth_mechanism', 'channel_max')
    expect(connections).toMatch(/waybill-client\s+EXTERNAL\s+77/)

    await broker.ctl('close_all_connections', 'closed by a test')
    expect(await closed).toHaveProperty('message', expect.stringContaining('closed by a test'))
    await broker.stop()
  })
})

describe('kafka', () => {
  it('answers nothing while paused, keeps data and port when killed, and creates any topic it is asked for', async () => {
    const broker = await environment.kafka()
    expect(await append({ brokers: [...broker.brokers] })).toBe('0')
    const admin = kafkaClient({ brokers: [...broker.brokers] }).admin()
    await admin.connect()

    await broker.pause()
    const reply = admin.listTopics()
    expect(await stands(reply)).toBe(true)
    await broker.resume()
    expect(await reply).toContain('t')
    await admin.disconnect()

    await broker.kill()
    await broker.restart()
    expect(await append({ brokers: [...broker.brokers] })).toBe('1')
    await broker.stop()
  })

  it('serves TLS with client certificates, and SASL with every mechanism', async () => {
    const alice = { username: 'alice', password: 'first' }
    const bob = { username: 'bob', password: 'later' }
    const listeners = ['SSL', 'SASL_PLAINTEXT', 'SASL_SSL'] as const
    const broker = await environment.kafka({
      security: { listeners, users: [alice], clientCertificate: true },
    })
    if (!broker.certificates) throw new Error('TLS was asked for')
    const ssl = { ca: [broker.certificates.ca], ...broker.certificates.client }
    const at = (listener: keyof KafkaHandle['listeners']) => ({
      brokers: [...(broker.listeners[listener] ?? [])],
    })

    expect(await append({ ...at('SSL'), ssl })).toBe('0')
    await expect(append({ ...at('SSL'), ssl: { ca: ssl.ca } }, 0)).rejects.toThrow(/alert.*certificate/)
    const mechanisms: SASLOptions[] = [
      { mechanism: 'plain', ...alice },
      { mechanism: 'scram-sha-256', ...alice },
      { mechanism: 'scram-sha-512', ...alice },
    ]
    for (const sasl of mechanisms) {
      await append({ ...at('SASL_PLAINTEXT'), sasl })
      await append({ ...at('SASL_SSL'), ssl, sasl })
    }
    const asBob = { ...at('SASL_PLAINTEXT'), sasl: { mechanism: 'scram-sha-512', ...bob } } as const
    await expect(append(asBob, 0)).rejects.toThrow('SCRAM')
    await broker.createScramUser(bob)
    expect(await append(asBob)).toBe('7')
    await broker.stop()
  })

  it('sends the clients of a proxy back through the proxy', async () => {
    await using proxy = await createProxy()
    const broker = await environment.kafka({ proxyPort: proxy.port })
    proxy.forwardTo(broker.listeners.PROXIED?.[0] ?? '')
    const admin = kafkaClient({ brokers: [`127.0.0.1:${proxy.port}`] }).admin()
    await admin.connect()
    const metadata = await admin.describeCluster()
    await admin.disconnect()
    expect(metadata.brokers).toMatchObject([{ host: '127.0.0.1', port: proxy.port }])
    await broker.stop()
  })
})

describe('an external broker', () => {
  it('can be used, and neither configured nor harmed', async () => {
    const server = await environment.redis()
    const external = externalProvider({ WAYBILL_REDIS_URL: server.url })
    const redis = await external.redis({})
    expect(redis).toMatchObject({ url: server.url, version: server.version })
    await expect(redis.kill()).rejects.toThrow('kill() is not possible on an external redis')
    await expect(external.redis({ config: { maxmemory: '2mb' } })).rejects.toThrow('cannot be given: config')
    await expect(external.kafka({})).rejects.toThrow('WAYBILL_KAFKA_BROKERS is not set')
    await server.stop()
  })
})

function kafkaClient(config: KafkaConfig, retries = 8): Kafka {
  return new Kafka({ logLevel: logLevel.NOTHING, retry: { retries }, ...config })
}

/** Appends one message to topic `t`, which comes into being by that; resolves to its offset. */
async function append(config: KafkaConfig, retries?: number): Promise<string | undefined> {
  const producer = kafkaClient(config, retries).producer()
  try {
    await producer.connect()
    const [result] = await producer.send({ topic: 't', messages: [{ value: 'v', partition: 0 }] })
    return result?.baseOffset
  } finally {
    await producer.disconnect()
  }
}
