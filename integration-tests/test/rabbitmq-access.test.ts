import { inspect } from 'node:util'
import { isWaybillError } from '@waybill/core'
import type { WaybillError } from '@waybill/core/spi'
import { rabbitmq } from '@waybill/rabbitmq'
import type { RabbitmqOptions } from '@waybill/rabbitmq'
import { Witness, batchOf, never, topicOf } from './rabbitmq-harness.js'
import { useRabbitmq } from './rabbitmq-site.js'

describe('getting into RabbitMQ', () => {
  const site = useRabbitmq({ tls: true })

  /** The error of a connect that must fail. */
  const refusal = async (options: RabbitmqOptions): Promise<WaybillError> => {
    const transport = rabbitmq(options)
    try {
      await transport.connect(new Witness())
    } catch (error) {
      if (isWaybillError(error)) return error
      throw error
    } finally {
      await transport.close()
    }
    throw new Error('it got in')
  }
  const tls = (): { url: string; ca: string; cert: string; key: string } => {
    const { tlsUrl, certificates } = site.broker
    if (tlsUrl === undefined || certificates === undefined) throw new Error('the broker has no TLS')
    return { url: tlsUrl, ca: certificates.ca, ...certificates.client }
  }

  it('takes a certificate of the given authority', async () => {
    const { url, ca } = tls()
    const transport = await site.connected(url, new Witness(), { tls: { ca } })
    await transport.declare(topicOf('secret'))
    const publisher = await site.publisherOf(transport)
    expect(await publisher.send(batchOf('secret', 0, ['m']), never)).toEqual([{ status: 'stored' }])
  })

  it('logs in by client certificate with auth "external"', async () => {
    const { url, ca, cert, key } = tls()
    const transport = await site.connected(url, new Witness(), { tls: { ca, cert, key }, auth: 'external' })
    const connections = await site.broker.ctl('list_connections', 'user', 'auth_mechanism')
    expect(connections).toMatch(/waybill-client\s+EXTERNAL/)
    await transport.close()
  })

  it('names TLS when the certificate is not trusted, or the port speaks no TLS', async () => {
    const untrusted = await refusal({ url: tls().url })
    expect(untrusted).toMatchObject({ code: 'TLS_FAILED', retryable: false })
    const plain = await refusal({ url: site.broker.url.replace('amqp:', 'amqps:'), tls: { ca: tls().ca } })
    expect(plain.code).toBe('TLS_FAILED')
  })

  it('says that a password is wrong, and shows no password anywhere', async () => {
    const password = 'pl&nted/s3cret'
    const url = site.broker.url.replace('guest:guest', `guest:${encodeURIComponent(password)}`)
    const error = await refusal({ url })
    expect(error).toMatchObject({ name: 'ConnectionError', code: 'AUTHENTICATION_FAILED', retryable: false })
    expect(error.message).toContain(site.host)
    const unreachable = await refusal({
      urls: [1, 2].map((port) => `amqp://guest:${encodeURIComponent(password)}@127.0.0.1:${port}`),
    })
    expect(unreachable).toMatchObject({ code: 'BROKER_UNREACHABLE', retryable: true })
    for (const host of ['127.0.0.1:1 ', '127.0.0.1:2 ']) expect(unreachable.message).toContain(host)
    for (const shown of [error, unreachable].flatMap((one) => [
      inspect(one, { depth: 10 }),
      JSON.stringify(one),
    ])) {
      expect(shown).not.toContain(password)
      expect(shown).not.toContain(encodeURIComponent(password))
    }
  })

  it('says that a vhost does not exist or may not be used', async () => {
    const error = await refusal({ url: `${site.broker.url}/nowhere` })
    expect(error).toMatchObject({ code: 'NOT_AUTHORISED', retryable: false })
    expect(error.message).toContain('nowhere')
  })

  it('says that a user may not declare a topic', async () => {
    await site.broker.ctl('add_user', 'reader', 'reader')
    await site.broker.ctl('set_permissions', 'reader', '', '', '.*')
    const transport = await site.connected(site.broker.url.replace('guest:guest', 'reader:reader'))
    await expect(transport.declare(topicOf('forbidden'))).rejects.toMatchObject({
      code: 'NOT_AUTHORISED',
      retryable: false,
    })
  })

  it('takes the host that answers, of several', async () => {
    const transport = rabbitmq({ urls: ['amqp://127.0.0.1:1', site.broker.url, 'amqp://127.0.0.1:2'] })
    const witness = new Witness()
    await transport.connect(witness)
    expect(witness.connections.get('control')).toBe('connected')
    await transport.close()
  })
})
