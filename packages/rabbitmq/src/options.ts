import { ConfigError, number, refuseUnknown, resolveOptions, show } from '@waybill/core/spi'
import type { ConfigProblem, OptionTable } from '@waybill/core/spi'
import { parseBrokerUrl } from './broker-address.js'
import type { BrokerAddress } from './broker-address.js'

/** PEM texts, as `tls.connect` takes them. Only for `amqps:` URLs. */
export interface TlsOptions {
  /** Certificates to trust beside the system's. */
  readonly ca?: string | Buffer | readonly (string | Buffer)[]
  /** The client's certificate. */
  readonly cert?: string | Buffer
  readonly key?: string | Buffer
  readonly passphrase?: string
  /** The name the server's certificate must carry. @default the URL's host */
  readonly servername?: string
}

/** Every number of {@link RabbitmqOptions}; the table in the README is compared with their defaults and bounds. */
export interface RabbitmqTimes {
  /** Longest that TCP, TLS and the AMQP handshake may be silent while connecting, per host. */
  readonly connectTimeoutMs: number
  /** Interval of AMQP heartbeats, in whole seconds; a dead peer is noticed after two to three of them. */
  readonly heartbeatMs: number
  /**
   * How long a partition's confirms may stand still before the publishing connection is dropped and its
   * messages become unknown. Stands still itself while the broker blocks the connection.
   */
  readonly confirmTimeoutMs: number
  /** The broker's `consumer_timeout`: how long it lets a message be unacknowledged. */
  readonly consumerTimeoutMs: number
  /** How long a round of checking every queue and binding takes. */
  readonly topologyCheckMs: number
  readonly reconnectInitialDelayMs: number
  readonly reconnectMaxDelayMs: number
}

export interface RabbitmqOptions extends Partial<RabbitmqTimes> {
  /** `amqp://user:password@host:5672/vhost`, or `amqps:` for TLS. */
  readonly url?: string
  /** One URL for each node of a cluster instead of `url`; tried in turn, from a random one on. */
  readonly urls?: readonly string[]
  readonly tls?: TlsOptions
  /** `'external'`: who we are is said by the TLS client certificate. @default 'plain' */
  readonly auth?: 'plain' | 'external'
}

export interface Settings extends RabbitmqTimes {
  readonly addresses: readonly BrokerAddress[]
  readonly tls: TlsOptions
  readonly auth: 'plain' | 'external'
  /** What no message may show. */
  readonly secrets: readonly string[]
}

export const rabbitmqOptionTable: OptionTable<RabbitmqTimes> = {
  connectTimeoutMs: number(10_000, 100, 300_000),
  heartbeatMs: number(5_000, 1_000, 300_000),
  confirmTimeoutMs: number(6_000, 500, 600_000),
  consumerTimeoutMs: number(1_800_000, 10_000, 604_800_000),
  topologyCheckMs: number(30_000, 1_000, 3_600_000),
  reconnectInitialDelayMs: number(100, 1, 60_000),
  reconnectMaxDelayMs: number(10_000, 1, 600_000),
}

const tlsOptionNames = ['ca', 'cert', 'key', 'passphrase', 'servername']

/** @throws ConfigError naming every problem at once */
export function resolveRabbitmqOptions(options: RabbitmqOptions): Settings {
  const problems: ConfigProblem[] = []
  const add = (path: string, message: string): void => {
    problems.push({ code: 'CONFIG_INVALID', path, message })
  }
  refuseUnknown(options, ['url', 'urls', 'tls', 'auth', ...Object.keys(rabbitmqOptionTable)], problems)
  const times = resolveOptions(rabbitmqOptionTable, options, problems)
  if (times.heartbeatMs % 1_000 !== 0)
    add('heartbeatMs', `must be whole seconds, as AMQP counts them, not ${times.heartbeatMs}`)
  if (times.reconnectInitialDelayMs > times.reconnectMaxDelayMs) {
    add('reconnectInitialDelayMs', `must not exceed reconnectMaxDelayMs (${times.reconnectMaxDelayMs})`)
  }
  const addresses = resolveAddresses(options, add)
  const tls = resolveTls(options.tls, add)
  const auth = options.auth ?? 'plain'
  if (auth !== 'plain' && auth !== 'external') add('auth', `must be "plain" or "external", not ${show(auth)}`)
  if (auth === 'external' && (tls.cert === undefined || tls.key === undefined)) {
    add('auth', '"external" needs tls.cert and tls.key, the certificate that says who we are')
  }
  const overTls = addresses.every((address) => address.protocol === 'amqps')
  if (!overTls && (auth === 'external' || options.tls !== undefined)) {
    add('tls', 'is only used over TLS: write amqps: in every URL, or leave it out')
  }
  const [first, ...rest] = problems
  if (first !== undefined) throw new ConfigError('The RabbitMQ transport', [first, ...rest])
  const passwords = addresses.map((address) => address.password)
  const secrets = [...new Set([...passwords, ...passwords.map(encodeURIComponent), tls.passphrase ?? ''])]
  return {
    ...times,
    addresses,
    tls,
    auth,
    secrets: secrets.filter((secret) => secret !== '' && secret !== 'guest'),
  }
}

function resolveAddresses(
  options: RabbitmqOptions,
  add: (path: string, message: string) => void,
): BrokerAddress[] {
  const { url, urls } = options
  if ((url === undefined) === (urls === undefined)) {
    add('url', 'is needed: give either url, or urls for several nodes')
    return []
  }
  if (urls !== undefined && (!Array.isArray(urls) || urls.length === 0)) {
    add('urls', `must be an array of at least one URL, not ${show(urls)}`)
    return []
  }
  const named =
    urls === undefined ? [['url', url] as const] : urls.map((one, at) => [`urls[${at}]`, one] as const)
  return named.flatMap(([path, text]) => {
    const parsed = parseBrokerUrl(text)
    if (typeof parsed !== 'string') return [parsed]
    add(path, parsed)
    return []
  })
}

function resolveTls(tls: TlsOptions | undefined, add: (path: string, message: string) => void): TlsOptions {
  if (tls === undefined) return {}
  if (typeof tls !== 'object' || tls === null) {
    add('tls', `must be an object with ${tlsOptionNames.join(', ')}, not ${show(tls)}`)
    return {}
  }
  for (const name of Object.keys(tls)) {
    if (!tlsOptionNames.includes(name))
      add(`tls.${name}`, `is not an option; there are ${tlsOptionNames.join(', ')}`)
  }
  if ((tls.cert === undefined) !== (tls.key === undefined))
    add('tls', 'needs cert and key together, or neither')
  return tls
}
