import type { RabbitmqOptions } from './broker.js'

/** Paths of PEM files, as the broker sees them. */
export interface RabbitmqKeyFiles {
  readonly ca: string
  readonly cert: string
  readonly key: string
}

/** Text of `rabbitmq.conf`. `listen` is the address to bind with its port, and the same for TLS. */
export function rabbitmqConfig(
  options: RabbitmqOptions,
  listen: { readonly amqp: string; readonly tls: string },
  keys?: RabbitmqKeyFiles,
): string {
  const tls = keys && [
    `listeners.ssl.default = ${listen.tls}`,
    `ssl_options.cacertfile = ${keys.ca}`,
    `ssl_options.certfile = ${keys.cert}`,
    `ssl_options.keyfile = ${keys.key}`,
    'ssl_options.verify = verify_peer',
    'ssl_options.fail_if_no_peer_cert = false',
    'ssl_cert_login_from = common_name',
    'auth_mechanisms.1 = PLAIN',
    'auth_mechanisms.2 = AMQPLAIN',
    'auth_mechanisms.3 = EXTERNAL',
  ]
  const lines = [`listeners.tcp.default = ${listen.amqp}`, 'loopback_users = none', ...(tls ?? [])]
  return [...lines, ...(options.config ?? []), ''].join('\n')
}

/** Text of the `enabled_plugins` file. */
export function enabledPlugins(options: RabbitmqOptions, always: readonly string[]): string {
  const external = options.tls ? ['rabbitmq_auth_mechanism_ssl'] : []
  return `[${[...new Set([...always, ...external, ...(options.plugins ?? [])])].join()}].\n`
}

/** Arguments of `rabbitmqctl` for `RabbitmqHandle.syncQueues`: Ra keeps the registrations in this table. */
export const SYNC_QUEUES: readonly string[] = ['eval', 'ok = dets:sync(ra_directory_reverse).']
