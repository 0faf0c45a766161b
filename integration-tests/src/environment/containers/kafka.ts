import { randomBytes } from 'node:crypto'
import type { Credentials, KafkaHandle, KafkaOptions } from '../broker.js'
import { createCertificates } from '../certificates.js'
import { brokerHandle } from '../handle.js'
import {
  allocateKafkaPorts,
  kafkaProperties,
  listenerAddresses,
  scramUserArguments,
  usesTls,
} from '../kafka-config.js'
import { startNode } from '../node.js'
import { probeKafka } from '../probes.js'
import { containerNode } from './container-node.js'
import type { ContainerContext } from './provider.js'

const KEYS = { keystore: '/etc/kafka/secrets/server.pem', truststore: '/etc/kafka/secrets/ca.pem' }

export async function containerKafka(context: ContainerContext, options: KafkaOptions): Promise<KafkaHandle> {
  const ports = await allocateKafkaPorts(options)
  const certificates = usesTls(options) ? await createCertificates() : undefined
  const properties = kafkaProperties(options, ports, { bind: '0.0.0.0', keys: certificates && KEYS })
  const files = certificates && {
    [KEYS.keystore]: certificates.server.key + certificates.server.cert,
    [KEYS.truststore]: certificates.ca,
  }
  const spec = {
    name: 'kafka-1',
    image: context.images.kafka,
    ports: [...ports.listeners.values()],
    environment: {
      CLUSTER_ID: randomBytes(16).toString('base64url'),
      KAFKA_HEAP_OPTS: '-Xms256m -Xmx512m',
      ...Object.fromEntries(Object.entries(properties).map(([name, value]) => [variableName(name), value])),
    },
    files: files ?? {},
  }
  const managed = containerNode(spec, context.label)
  const listeners = listenerAddresses(ports)
  const brokers = listeners.PLAINTEXT ?? []
  const url = brokers.join()
  const probe = () => probeKafka(brokers)
  await startNode(managed, probe)

  const createScramUser = async (user: Credentials) => {
    for (const args of scramUserArguments(url, user))
      await managed.exec('/opt/kafka/bin/kafka-configs.sh', ...args)
  }
  for (const user of options.security?.users ?? []) await createScramUser(user)
  const jars = await managed.exec('ls', '/opt/kafka/libs')
  const version = /kafka_2\.13-(\d+\.\d+\.\d+)\.jar/.exec(jars)?.[1] ?? 'unknown'
  const handle = brokerHandle('kafka', version, url, [{ managed, url, probe }], () => managed.remove())
  return { ...handle, brokers, listeners, certificates, createScramUser }
}

/** How the apache/kafka image spells a property. */
function variableName(property: string): string {
  const escaped = property.replaceAll('_', '__').replaceAll('-', '___').replaceAll('.', '_')
  return `KAFKA_${escaped.toUpperCase()}`
}
