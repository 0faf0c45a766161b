/** One node, as a URL names it. */
export interface BrokerAddress {
  readonly protocol: 'amqp' | 'amqps'
  readonly host: string
  readonly port: number
  readonly username: string
  readonly password: string
  readonly vhost: string
}

/** The address as messages show it: without credentials. */
export function showAddress(address: BrokerAddress): string {
  const host = address.host.includes(':') ? `[${address.host}]` : address.host
  return `${address.protocol}://${host}:${address.port}`
}

/**
 * Reads an AMQP URL (RabbitMQ URI specification: a missing path is the vhost `/`, and so are missing
 * credentials `guest`), or says what is wrong with it without showing it, for it may hold a password.
 */
export function parseBrokerUrl(text: unknown): BrokerAddress | string {
  if (typeof text !== 'string' || !URL.canParse(text)) {
    return 'must be a URL such as amqp://user:password@host:5672/vhost, with special characters percent-encoded'
  }
  const url = new URL(text)
  const protocol = url.protocol === 'amqp:' ? 'amqp' : url.protocol === 'amqps:' ? 'amqps' : undefined
  if (protocol === undefined) return `must begin with amqp: or amqps:, not ${url.protocol}`
  if (url.hostname === '') return 'must name a host'
  if (url.search !== '') return 'must not carry query parameters; use the options of the transport instead'
  try {
    const anonymous = url.username === '' && url.password === ''
    return {
      protocol,
      host: url.hostname.replace(/^\[|\]$/g, ''),
      port: url.port === '' ? (protocol === 'amqp' ? 5672 : 5671) : Number(url.port),
      username: anonymous ? 'guest' : decodeURIComponent(url.username),
      password: anonymous ? 'guest' : decodeURIComponent(url.password),
      vhost: url.pathname.length > 1 ? decodeURIComponent(url.pathname.slice(1)) : '/',
    }
  } catch {
    return 'has a "%" that does not begin a percent-encoded character in its user, password or vhost'
  }
}
