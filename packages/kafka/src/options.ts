import type { ConnectionOptions } from 'node:tls'
import {
  ConfigError,
  type ConfigProblem,
  number,
  type OptionTable,
  refuseUnknown,
  resolveOptions,
  show,
} from '@waybill/core/spi'
import type { Address } from './client/kafkajs/node.js'

/** Settings with defaults and bounds; the README of this package has the table. */
export interface KafkaSettings {
  /** How long the group waits for a sign of life before it gives a member's partitions to others. @default 10_000 */
  readonly sessionTimeoutMs: number
  /** Longest wait for the answer to a request; then another broker is tried. @default 5_000 */
  readonly requestTimeoutMs: number
  /** Longest a connection may take to open, TLS and log-in included. @default 5_000 */
  readonly connectTimeoutMs: number
  /** How often leaders and partitions are looked up although nothing failed. @default 30_000 */
  readonly metadataMaxAgeMs: number
  /** Longest the broker holds back a fetch that finds nothing; also how late a resumed partition starts. @default 200 */
  readonly maxWaitTimeMs: number
  /** Most bytes of one fetch. @default 10 MiB */
  readonly fetchMaxBytes: number
  /** Most bytes of one partition in one fetch; one larger batch still comes through. @default 1 MiB */
  readonly partitionMaxBytes: number
  /** Replicas of topics that are created. @default 3, or as many as there are brokers */
  readonly replicationFactor?: number
}

export const kafkaOptionTable: OptionTable<KafkaSettings> = {
  sessionTimeoutMs: number(10_000, 6_000, 300_000),
  requestTimeoutMs: number(5_000, 1_000, 120_000),
  connectTimeoutMs: number(5_000, 100, 120_000),
  metadataMaxAgeMs: number(30_000, 500, 3_600_000),
  maxWaitTimeMs: number(200, 10, 5_000),
  fetchMaxBytes: number(10_485_760, 65_536, 104_857_600),
  partitionMaxBytes: number(1_048_576, 16_384, 52_428_800),
  replicationFactor: number(undefined, 1, 32),
}

export interface KafkaCredentials {
  readonly mechanism: 'plain' | 'scram-sha-256' | 'scram-sha-512'
  readonly username: string
  readonly password: string
}

export interface KafkaOptions extends Partial<KafkaSettings> {
  /** Where to find the cluster, as `host:port`; one that answers is enough. */
  readonly brokers: readonly string[]
  /** `true` trusts the system's certificate authorities; else options of `tls.connect`. @default no TLS */
  readonly ssl?: boolean | ConnectionOptions
  readonly sasl?: KafkaCredentials
  /** The Kafka group of a topic's group. @default `<topic>.<group>` */
  readonly groupId?: (topic: string, group: string) => string
}

/** Options with every default filled in. */
export interface ResolvedOptions extends KafkaSettings {
  readonly brokers: readonly Address[]
  readonly ssl: ConnectionOptions | undefined
  readonly sasl: KafkaCredentials | undefined
  readonly groupId: (topic: string, group: string) => string
}

const mechanisms = ['plain', 'scram-sha-256', 'scram-sha-512']

/** @throws ConfigError with every problem */
export function resolveKafkaOptions(options: KafkaOptions): ResolvedOptions {
  const problems: ConfigProblem[] = []
  const add = (path: string, message: string): void => {
    problems.push({ code: 'CONFIG_INVALID', path, message })
  }
  const given: Partial<KafkaOptions> = typeof options === 'object' && options !== null ? options : {}
  if (given !== options) add('options', `must be an object with \`brokers\`, not ${show(options)}`)
  refuseUnknown(given, [...Object.keys(kafkaOptionTable), 'brokers', 'ssl', 'sasl', 'groupId'], problems)
  const settings = resolveOptions(kafkaOptionTable, given, problems)
  const brokers = resolveBrokers(given.brokers, add)
  if (
    given.ssl !== undefined &&
    typeof given.ssl !== 'boolean' &&
    (typeof given.ssl !== 'object' || given.ssl === null)
  ) {
    add('ssl', `must be true, false or options of tls.connect, not ${show(given.ssl)}`)
  }
  checkCredentials(given.sasl, add)
  if (given.groupId !== undefined && typeof given.groupId !== 'function')
    add('groupId', `must be a function, not ${show(given.groupId)}`)
  const [first, ...rest] = problems
  if (first !== undefined) throw new ConfigError('kafka()', [first, ...rest])
  return {
    ...settings,
    brokers,
    ssl: typeof given.ssl === 'object' ? given.ssl : given.ssl === true ? {} : undefined,
    sasl: given.sasl,
    groupId: given.groupId ?? ((topic, group) => `${topic}.${group}`),
  }
}

type Add = (path: string, message: string) => void

function resolveBrokers(brokers: unknown, add: Add): Address[] {
  if (!Array.isArray(brokers) || brokers.length === 0) {
    add(
      'brokers',
      `must be a list of at least one "host:port", not ${Array.isArray(brokers) ? 'an empty one' : show(brokers)}`,
    )
    return []
  }
  return brokers.flatMap((broker: unknown, index) => {
    const [, bracketed, plain, port] =
      /^(?:\[([0-9a-f:.]+)\]|([^\s:@/]+)):(\d{1,5})$/i.exec(String(broker)) ?? []
    const host = bracketed ?? plain
    if (typeof broker === 'string' && host !== undefined && Number(port) > 0 && Number(port) < 65_536)
      return [{ host, port: Number(port) }]
    add(
      `brokers[${index}]`,
      'must be "host:port" without a scheme or credentials; the latter belong in `sasl`',
    )
    return []
  })
}

function checkCredentials(sasl: unknown, add: Add): void {
  if (sasl === undefined) return
  if (typeof sasl !== 'object' || sasl === null)
    return add('sasl', `must be an object with mechanism, username and password, not ${show(sasl)}`)
  const { mechanism, username, password } = sasl as Partial<Record<string, unknown>>
  if (!mechanisms.includes(String(mechanism)))
    add('sasl.mechanism', `must be one of ${mechanisms.map(show).join(', ')}, not ${show(mechanism)}`)
  if (typeof username !== 'string' || username === '')
    add('sasl.username', 'must be a string that is not empty')
  // The value is never shown: it may be the password with a mistake in it.
  if (typeof password !== 'string' || password === '')
    add('sasl.password', 'must be a string that is not empty')
}
