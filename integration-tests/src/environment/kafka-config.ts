import { randomBytes } from 'node:crypto'
import type { Credentials, KafkaOptions, SecureListener } from './broker.js'
import { freePorts } from './ports.js'

export type KafkaListener = 'PLAINTEXT' | 'PROXIED' | SecureListener

/** Names of our listeners on the broker. The official image wants its own key files for any name ending in SSL. */
const BROKER_NAMES: Record<KafkaListener, string> = {
  PLAINTEXT: 'PLAINTEXT',
  PROXIED: 'PROXIED',
  SSL: 'TLS',
  SASL_PLAINTEXT: 'SASL',
  SASL_SSL: 'SASLTLS',
}

const PROTOCOLS: Record<KafkaListener, string> = {
  PLAINTEXT: 'PLAINTEXT',
  PROXIED: 'PLAINTEXT',
  SSL: 'SSL',
  SASL_PLAINTEXT: 'SASL_PLAINTEXT',
  SASL_SSL: 'SASL_SSL',
}

const COMMON: Record<string, string> = {
  'process.roles': 'broker,controller',
  'controller.listener.names': 'CONTROLLER',
  'inter.broker.listener.name': 'REPLICATION',
  'offsets.topic.num.partitions': '8',
  'group.initial.rebalance.delay.ms': '0',
  // A node that was killed may register again only once its former session is over (default 9 s).
  'broker.session.timeout.ms': '3000',
  'broker.heartbeat.interval.ms': '500',
  // On, so that a test can prove that the library never lets a topic come into being by itself.
  'auto.create.topics.enable': 'true',
}

/** As many copies as there are nodes; all but one of them must have what is acknowledged. */
function copies(nodes: 1 | 3): Record<string, string> {
  const replicas = String(nodes)
  const inSync = nodes === 1 ? '1' : '2'
  return {
    'default.replication.factor': replicas,
    'min.insync.replicas': inSync,
    'offsets.topic.replication.factor': replicas,
    'transaction.state.log.replication.factor': replicas,
    'transaction.state.log.min.isr': inSync,
    'share.coordinator.state.topic.replication.factor': replicas,
    'share.coordinator.state.topic.min.isr': inSync,
  }
}

/** Ports of a node, the same through all its restarts. */
export interface KafkaPorts {
  readonly controller: number
  readonly replication: number
  readonly listeners: ReadonlyMap<KafkaListener, number>
}

/** One entry per node. */
export async function allocateKafkaPorts({
  nodes = 1,
  proxyPort,
  security,
}: KafkaOptions): Promise<KafkaPorts[]> {
  const listeners: KafkaListener[] = ['PLAINTEXT', ...(security?.listeners ?? [])]
  if (proxyPort !== undefined) {
    if (nodes > 1) throw new Error('proxyPort is of one node: a proxy stands in for one broker')
    listeners.push('PROXIED')
  }
  const ports = await freePorts(nodes * (2 + listeners.length))
  return Array.from({ length: nodes }, () => {
    const [controller = 0, replication = 0, ...own] = ports.splice(0, 2 + listeners.length)
    return { controller, replication, listeners: new Map(listeners.map((name, i) => [name, own[i] ?? 0])) }
  })
}

/** `KafkaHandle.listeners`. */
export function listenerAddresses(
  cluster: readonly KafkaPorts[],
): Partial<Record<KafkaListener, readonly string[]>> {
  const names = [...(cluster[0]?.listeners.keys() ?? [])]
  return Object.fromEntries(
    names.map((name) => [name, cluster.map(({ listeners }) => `127.0.0.1:${listeners.get(name)}`)]),
  )
}

export interface KafkaSurroundings {
  /** Address to bind for clients: 127.0.0.1 for a process, 0.0.0.0 in a container. */
  readonly bind: string
  /** Where the other nodes find a node. */
  readonly host: (id: number) => string
  /** Paths of PEM files, as the broker sees them. */
  readonly keys?: { readonly keystore: string; readonly truststore: string } | undefined
}

/** Properties of each combined KRaft node of a cluster; node ids count from 1. */
export function kafkaProperties(
  options: KafkaOptions,
  cluster: readonly KafkaPorts[],
  surroundings: KafkaSurroundings,
): Record<string, string>[] {
  const { bind, host, keys } = surroundings
  const voters = cluster.map(({ controller }, i) => `${i + 1}@${host(i + 1)}:${controller}`).join()
  return cluster.map((ports, i) => {
    const listeners = [...ports.listeners].map(([listener, port]) => ({
      name: BROKER_NAMES[listener],
      protocol: PROTOCOLS[listener],
      port,
      advertised: listener === 'PROXIED' ? (options.proxyPort ?? port) : port,
    }))
    const replicationAddress = `REPLICATION://${host(i + 1)}:${ports.replication}`
    return {
      ...COMMON,
      ...copies(options.nodes ?? 1),
      'node.id': String(i + 1),
      'controller.quorum.voters': voters,
      listeners: [
        ...listeners.map(({ name, port }) => `${name}://${bind}:${port}`),
        replicationAddress,
        `CONTROLLER://${host(i + 1)}:${ports.controller}`,
      ].join(),
      'advertised.listeners': [
        ...listeners.map(({ name, advertised }) => `${name}://127.0.0.1:${advertised}`),
        replicationAddress,
      ].join(),
      'listener.security.protocol.map': [
        ...listeners.map(({ name, protocol }) => `${name}:${protocol}`),
        'REPLICATION:PLAINTEXT',
        'CONTROLLER:PLAINTEXT',
      ].join(),
      ...(keys && tlsProperties(keys, options.security?.clientCertificate ?? false)),
      ...saslProperties(options),
      ...options.brokerConfig,
    }
  })
}

/** A UUID as Kafka spells it. None begins with a dash, which its tools would take for an option. */
export const newClusterId = (): string => `W${randomBytes(16).toString('base64url').slice(1)}`

/** Options of a node's JVM: three nodes share a machine. */
export function heapOf(nodes: number): string[] {
  return nodes === 1 ? ['-Xms256m', '-Xmx512m'] : ['-Xms128m', '-Xmx256m']
}

export function usesTls({ security }: KafkaOptions): boolean {
  return security?.listeners.some((listener) => listener !== 'SASL_PLAINTEXT') ?? false
}

/** Arguments of two runs of Kafka's `kafka-configs`: a request may set only one mechanism of a user. */
export function scramUserArguments(bootstrap: string, { username, password }: Credentials): string[][] {
  const entity = ['--entity-type', 'users', '--entity-name', username]
  return ['SCRAM-SHA-256', 'SCRAM-SHA-512'].map((mechanism) => {
    const config = ['--alter', '--add-config', `${mechanism}=[password=${password}]`]
    return ['--bootstrap-server', bootstrap, ...config, ...entity]
  })
}

function tlsProperties(
  keys: NonNullable<KafkaSurroundings['keys']>,
  clientCertificate: boolean,
): Record<string, string> {
  return {
    'ssl.keystore.type': 'PEM',
    'ssl.keystore.location': keys.keystore,
    'ssl.truststore.type': 'PEM',
    'ssl.truststore.location': keys.truststore,
    'ssl.client.auth': clientCertificate ? 'required' : 'none',
  }
}

function saslProperties({ security }: KafkaOptions): Record<string, string> {
  const properties: Record<string, string> = {}
  const plainUsers = (security?.users ?? []).map(({ username, password }) => `user_${username}="${password}"`)
  for (const listener of security?.listeners ?? []) {
    if (listener === 'SSL') continue
    const prefix = `listener.name.${BROKER_NAMES[listener].toLowerCase()}`
    const modules = 'org.apache.kafka.common.security'
    properties['sasl.enabled.mechanisms'] = 'PLAIN,SCRAM-SHA-256,SCRAM-SHA-512'
    properties[`${prefix}.plain.sasl.jaas.config`] =
      `${[`${modules}.plain.PlainLoginModule required`, ...plainUsers].join(' ')};`
    for (const scram of ['scram-sha-256', 'scram-sha-512']) {
      properties[`${prefix}.${scram}.sasl.jaas.config`] = `${modules}.scram.ScramLoginModule required;`
    }
  }
  return properties
}
