import { randomBytes } from 'node:crypto'
import type { RabbitmqHandle, RabbitmqOptions } from '../broker.js'
import { CLIENT_NAME, createCertificates } from '../certificates.js'
import { brokerHandle } from '../handle.js'
import { startNode } from '../node.js'
import { freePorts } from '../ports.js'
import { probeRabbitmq } from '../probes.js'
import { SYNC_QUEUES, enabledPlugins, rabbitmqConfig } from '../rabbitmq-config.js'
import { containerNode } from './container-node.js'
import type { ContainerContext } from './context.js'

const KEYS = {
  ca: '/etc/rabbitmq/tls/ca.pem',
  cert: '/etc/rabbitmq/tls/cert.pem',
  key: '/etc/rabbitmq/tls/key.pem',
}

export async function containerRabbitmq(
  context: ContainerContext,
  options: RabbitmqOptions,
): Promise<RabbitmqHandle> {
  const [amqpPort = 0, tlsPort = 0, managementPort = 0] = await freePorts(3)
  const certificates = options.tls ? await createCertificates() : undefined
  const listen = { amqp: `0.0.0.0:${amqpPort}`, tls: `0.0.0.0:${tlsPort}` }
  const config = rabbitmqConfig(options, listen, certificates && KEYS)
  const managed = containerNode(
    {
      name: 'rabbitmq-1',
      image: context.images.rabbitmq,
      ports: [amqpPort, managementPort, ...(options.tls ? [tlsPort] : [])],
      files: {
        '/etc/rabbitmq/conf.d/90-waybill.conf': `${config}management.tcp.port = ${managementPort}\n`,
        '/etc/rabbitmq/enabled_plugins': enabledPlugins(options, ['rabbitmq_management']),
        ...(certificates && {
          [KEYS.ca]: certificates.ca,
          [KEYS.cert]: certificates.server.cert,
          [KEYS.key]: certificates.server.key,
        }),
      },
    },
    context.label,
  )
  const url = `amqp://guest:guest@127.0.0.1:${amqpPort}`
  const probe = () => probeRabbitmq(url)
  const version = await startNode(managed, probe)

  const ctl = (...args: readonly string[]) => managed.exec('rabbitmqctl', '-q', ...args)
  if (options.tls) {
    await ctl('add_user', CLIENT_NAME, randomBytes(16).toString('hex'))
    await ctl('set_permissions', CLIENT_NAME, '.*', '.*', '.*')
  }
  return {
    ...brokerHandle('rabbitmq', version, url, [{ managed, url, probe }], () => managed.remove()),
    hosts: [`127.0.0.1:${amqpPort}`],
    tlsUrl: options.tls ? `amqps://guest:guest@localhost:${tlsPort}` : undefined,
    certificates,
    managementUrl: `http://guest:guest@127.0.0.1:${managementPort}`,
    ctl,
    syncQueues: async () => void (await ctl(...SYNC_QUEUES)),
  }
}
