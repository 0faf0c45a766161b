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

const SINGLE_NODE: Record<string, string> = {
  'node.id': '1',
  'process.roles': 'broker,controller',
  'controller.listener.names': 'CONTROLLER',
  'inter.broker.listener.name': 'PLAINTEXT',
  'offsets.topic.replication.factor': '1',
  'offsets.topic.num.partitions': '8',
  'transaction.state.log.replication.factor': '1',
  'transaction.state.log.min.isr': '1',
  'share.coordinator.state.topic.replication.factor': '1',
  'share.coordinator.state.topic.min.isr': '1',
  'group.initial.rebalance.delay.ms': '0',
  // A node that was killed may register again only once its former session is over (default 9 s).
  'broker.session.timeout.ms': '3000',
  'broker.heartbeat.interval.ms': '500',
  // On, so that a test can prove that the library never lets a topic come into being by itself.
  'auto.create.topics.enable': 'true',
}

/** Ports of a node, the same through all its restarts. */
export interface KafkaPorts {
  readonly controller: number
  readonly listeners: ReadonlyMap<KafkaListener, number>
}

export async function allocateKafkaPorts(options: KafkaOptions): Promise<KafkaPorts> {
  const listeners: KafkaListener[] = ['PLAINTEXT', ...(options.security?.listeners ?? [])]
  if (options.proxyPort !== undefined) listeners.push('PROXIED')
  const [controller = 0, ...ports] = await freePorts(1 + listeners.length)
  return { controller, listeners: new Map(listeners.map((listener, i) => [listener, ports[i] ?? 0])) }
}

/** `KafkaHandle.listeners` of a broker with one node. */
export function listenerAddresses(ports: KafkaPorts): Partial<Record<KafkaListener, readonly string[]>> {
  return Object.fromEntries([...ports.listeners].map(([listener, port]) => [listener, [`127.0.0.1:${port}`]]))
}

export interface KafkaSurroundings {
  /** Address to bind: 127.0.0.1 for a process, 0.0.0.0 in a container. */
  readonly bind: string
  /** Paths of PEM files, as the broker sees them. */
  readonly keys?: { readonly keystore: string; readonly truststore: string } | undefined
}

/** Properties of a combined KRaft node. */
export function kafkaProperties(
  options: KafkaOptions,
  ports: KafkaPorts,
  { bind, keys }: KafkaSurroundings,
): Record<string, string> {
  const listeners = [...ports.listeners].map(([listener, port]) => ({
    name: BROKER_NAMES[listener],
    protocol: PROTOCOLS[listener],
    port,
    advertised: listener === 'PROXIED' ? (options.proxyPort ?? port) : port,
  }))
  const controller = `127.0.0.1:${ports.controller}`
  return {
    ...SINGLE_NODE,
    'controller.quorum.voters': `1@${controller}`,
    listeners: [
      ...listeners.map(({ name, port }) => `${name}://${bind}:${port}`),
      `CONTROLLER://${controller}`,
    ].join(),
    'advertised.listeners': listeners
      .map(({ name, advertised }) => `${name}://127.0.0.1:${advertised}`)
      .join(),
    'listener.security.protocol.map': [
      ...listeners.map(({ name, protocol }) => `${name}:${protocol}`),
      'CONTROLLER:PLAINTEXT',
    ].join(),
    ...(keys && tlsProperties(keys, options.security?.clientCertificate ?? false)),
    ...saslProperties(options),
    ...options.brokerConfig,
  }
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
