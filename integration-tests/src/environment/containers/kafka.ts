import type { Credentials, KafkaHandle, KafkaOptions } from '../broker.js'
import { createCertificates } from '../certificates.js'
import { brokerHandle } from '../handle.js'
import {
  allocateKafkaPorts,
  heapOf,
  kafkaProperties,
  listenerAddresses,
  newClusterId,
  scramUserArguments,
  usesTls,
} from '../kafka-config.js'
import { startNode } from '../node.js'
import { probeKafka } from '../probes.js'
import { containerNode } from './container-node.js'
import { createNetwork } from './network.js'
import type { ContainerContext } from './context.js'

const KEYS = { keystore: '/etc/kafka/secrets/server.pem', truststore: '/etc/kafka/secrets/ca.pem' }

export async function containerKafka(context: ContainerContext, options: KafkaOptions): Promise<KafkaHandle> {
  const cluster = await allocateKafkaPorts(options)
  const certificates = usesTls(options) ? await createCertificates() : undefined
  const network = cluster.length > 1 ? await createNetwork(context.label) : undefined
  const properties = kafkaProperties(options, cluster, {
    bind: '0.0.0.0',
    host: (id) => (network ? nameOf(id) : '127.0.0.1'),
    keys: certificates && KEYS,
  })
  const files = certificates && {
    [KEYS.keystore]: certificates.server.key + certificates.server.cert,
    [KEYS.truststore]: certificates.ca,
  }
  const listeners = listenerAddresses(cluster)
  const brokers = listeners.PLAINTEXT ?? []
  const url = brokers.join()
  const clusterId = newClusterId()
  const start = async (node: Record<string, string>, i: number) => {
    const spec = {
      name: nameOf(i + 1),
      image: context.images.kafka,
      network: network?.name,
      ports: [...(cluster[i]?.listeners.values() ?? [])],
      environment: {
        CLUSTER_ID: clusterId,
        KAFKA_HEAP_OPTS: heapOf(cluster.length).join(' '),
        ...Object.fromEntries(Object.entries(node).map(([name, value]) => [variableName(name), value])),
      },
      files: files ?? {},
    }
    const managed = containerNode(spec, context.label)
    const address = brokers[i] ?? ''
    await startNode(managed, () => probeKafka([address], cluster.length))
    return { managed, url: address, probe: () => probeKafka([address]) }
  }
  const nodes = await Promise.all(properties.map(start))
  const exec = async (...command: string[]) => (await nodes[0]?.managed.exec(...command)) ?? ''

  const createScramUser = async (user: Credentials) => {
    for (const args of scramUserArguments(url, user)) await exec('/opt/kafka/bin/kafka-configs.sh', ...args)
  }
  for (const user of options.security?.users ?? []) await createScramUser(user)
  const jars = await exec('ls', '/opt/kafka/libs')
  const version = /kafka_2\.13-(\d+\.\d+\.\d+)\.jar/.exec(jars)?.[1] ?? 'unknown'
  const handle = brokerHandle('kafka', version, url, nodes, async () => {
    await Promise.all(nodes.map(({ managed }) => managed.remove()))
    await network?.remove()
  })
  return { ...handle, brokers, listeners, certificates, createScramUser }
}

const nameOf = (id: number): string => `kafka-${id}`

/** How the apache/kafka image spells a property. */
function variableName(property: string): string {
  const escaped = property.replaceAll('_', '__').replaceAll('-', '___').replaceAll('.', '_')
  return `KAFKA_${escaped.toUpperCase()}`
}
