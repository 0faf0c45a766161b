import { connect, credentials } from 'amqplib'
import type { ConnectionError } from '@waybill/core/spi'
import { showAddress } from './broker-address.js'
import type { BrokerAddress } from './broker-address.js'
import { connectFailure, connectFailures } from './errors.js'
import { Link } from './link.js'
import type { Settings } from './options.js'

/** Finds a node that lets us in. Each success moves it on, so that what is lost comes back on another node. */
export class Dialer {
  readonly #settings: Settings
  #next: number

  constructor(settings: Settings, start: number) {
    this.#settings = settings
    this.#next = start
  }

  /**
   * Tries every node once.
   * @throws ConnectionError `BROKER_UNREACHABLE`, `AUTHENTICATION_FAILED`, `NOT_AUTHORISED`, `TLS_FAILED`
   */
  async dial(connectionName: string): Promise<Link> {
    const { addresses, secrets } = this.#settings
    const failures: ConnectionError[] = []
    for (let tried = 0; tried < addresses.length; tried++) {
      const address = addresses[this.#next % addresses.length]!
      this.#next = (this.#next + 1) % addresses.length
      try {
        return new Link(await this.#connect(address, connectionName), showAddress(address))
      } catch (error) {
        failures.push(connectFailure(error, address, secrets))
      }
    }
    throw connectFailures(failures)
  }

  #connect(address: BrokerAddress, connectionName: string): ReturnType<typeof connect> {
    const { tls, auth, heartbeatMs, connectTimeoutMs } = this.#settings
    const { protocol, host, port, username, password, vhost } = address
    return connect(
      // amqplib decodes the vhost once more.
      {
        protocol,
        hostname: host,
        port,
        username,
        password,
        vhost: encodeURIComponent(vhost),
        heartbeat: heartbeatMs / 1_000,
      },
      {
        ...(tls as object),
        ...(auth === 'external' ? { credentials: credentials.external() } : {}),
        // Nagle's algorithm would make a lone confirm wait 40 ms.
        noDelay: true,
        keepAlive: true,
        timeout: connectTimeoutMs,
        clientProperties: { connection_name: connectionName },
      },
    )
  }
}
