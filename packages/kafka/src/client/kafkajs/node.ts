import { connect as connectTcp, isIP, type Socket } from 'node:net'
import { connect as connectTls, type ConnectionOptions } from 'node:tls'
import type { Clock } from '@waybill/core/spi'
import { KafkaFailure } from '../kafka-client.js'
import { toFailure } from './failures.js'
import type { ApiVersions, Connection, Internals, ProtocolRequest } from './internals.js'

export interface Address {
  readonly host: string
  readonly port: number
}

export interface NodeSettings {
  readonly internals: Internals
  readonly clientId: string
  readonly ssl: ConnectionOptions | undefined
  readonly sasl: Readonly<Record<string, string>> | undefined
  readonly connectTimeoutMs: number
  readonly requestTimeoutMs: number
  readonly clock: Clock
  readonly logger: unknown
  readonly opened: (socket: Socket) => void
}

/** `main` for everything that is answered soon; `fetch` for long polls, which would hold up what comes after. */
export type Lane = 'main' | 'fetch'

/** The connections to one broker. They open at the first request, and again after they broke. */
export class Node {
  readonly address: Address
  /** Did not answer in time: others are asked first. */
  isSuspect = false
  readonly #settings: NodeSettings
  readonly #lanes = new Map<Lane, Promise<Connection>>()
  #versions: ApiVersions | undefined
  #isClosed = false

  constructor(address: Address, settings: NodeSettings) {
    this.address = address
    this.#settings = settings
  }

  /** One of kafkajs's own requests, in the best version both sides know. */
  async request<T>(name: string, args: object, lane: Lane = 'main'): Promise<T> {
    const { internals } = this.#settings
    return this.send(lane, (versions) => {
      const request = internals.lookup(versions)(internals.apiKeys[name]!, internals.requests[name]!)(args)
      return request as ProtocolRequest<T>
    })
  }

  /** @throws KafkaFailure */
  async send<T>(lane: Lane, make: (versions: ApiVersions) => ProtocolRequest<T>): Promise<T> {
    let written = false
    try {
      const connection = await this.#lane(lane)
      const { request, ...rest } = make(this.#versions ?? {})
      const encode = (): Promise<unknown> => {
        written = true
        return request.encode()
      }
      const answer = await connection.send({ ...rest, request: { ...request, encode } })
      this.isSuspect = false
      return answer
    } catch (error) {
      const failure = toFailure(error, written)
      if (failure.kind === 'TIMEOUT') {
        // What else is under way on a connection that does not answer would wait just as long.
        this.isSuspect = true
        this.drop(`${this.address.host}:${this.address.port} did not answer in time`)
      }
      throw failure
    }
  }

  drop(reason: string): void {
    for (const lane of this.#lanes.values()) {
      lane.then((connection) => discard(connection, reason)).catch(() => undefined)
    }
    this.#lanes.clear()
  }

  async close(): Promise<void> {
    this.#isClosed = true
    const lanes = [...this.#lanes.values()]
    this.#lanes.clear()
    await Promise.allSettled(lanes.map(async (lane) => discard(await lane, 'the client is closed')))
  }

  async #lane(lane: Lane): Promise<Connection> {
    const open = this.#lanes.get(lane)
    if (open !== undefined) {
      const connection = await open
      if (connection.isConnected()) return connection
      if (this.#lanes.get(lane) === open) this.#lanes.delete(lane)
      else return this.#lane(lane)
    }
    if (this.#isClosed) throw new KafkaFailure('CLOSED', 'the client is closed', false)
    const opening = this.#open()
    this.#lanes.set(lane, opening)
    opening.catch(() => {
      if (this.#lanes.get(lane) === opening) this.#lanes.delete(lane)
    })
    return opening
  }

  /** kafkajs leaves a connect unsettled when the broker hangs up in the middle of it, hence a deadline of our own. */
  #open(): Promise<Connection> {
    const { clock, connectTimeoutMs } = this.#settings
    const connection = this.#connection()
    return new Promise((resolve, reject) => {
      const where = `${this.address.host}:${this.address.port}`
      const timer = clock.after(connectTimeoutMs, () => {
        discard(connection, 'the connection was given up')
        reject(
          new KafkaFailure(
            'UNREACHABLE',
            `${where} did not complete a connection within ${connectTimeoutMs} ms`,
            false,
          ),
        )
      })
      this.#handshake(connection)
        .then(() => resolve(connection))
        .catch((error: unknown) => {
          discard(connection, 'the connection was refused')
          reject(toFailure(error, false))
        })
        .finally(() => timer.cancel())
    })
  }

  async #handshake(connection: Connection): Promise<void> {
    const { internals } = this.#settings
    await connection.connect()
    if (this.#versions === undefined) {
      const request = internals.requests['ApiVersions']!.protocol({ version: 2 })({}) as ProtocolRequest<{
        apiVersions: ApiVersion[]
      }>
      const { apiVersions } = await connection.send(request)
      this.#versions = Object.fromEntries(apiVersions.map((version) => [version.apiKey, version]))
    }
    connection.setVersions(this.#versions)
    connection.setSupportAuthenticationProtocol(true)
    await connection.authenticate()
  }

  #connection(): Connection {
    const { internals, opened, clientId, ssl, sasl, logger, connectTimeoutMs, requestTimeoutMs } =
      this.#settings
    const connection = new internals.Connection({
      ...this.address,
      clientId,
      ssl: ssl ?? null,
      sasl: sasl === undefined ? null : { ...sasl },
      logger,
      connectionTimeout: connectTimeoutMs,
      requestTimeout: requestTimeoutMs,
      socketFactory: (options: SocketOptions) => {
        const socket = openSocket(options)
        opened(socket)
        return socket
      },
    })
    const queue = connection.requestQueue
    // The original starts a timer after every request, of a negative delay, of which Node 24 warns.
    queue.scheduleCheckPendingRequests = () => {
      if (queue.pending.length === 0 || queue.throttleCheckTimeoutId !== null) return
      queue.throttleCheckTimeoutId = setTimeout(
        () => {
          queue.throttleCheckTimeoutId = null
          queue.checkPendingRequests()
        },
        Math.max(10, queue.throttledUntil - Date.now()),
      )
    }
    return connection
  }
}

/** Fails what is under way, and stops kafkajs's timers, which run until a disconnect. */
function discard(connection: Connection, why: string): void {
  connection.rejectRequests(new KafkaFailure('CONNECTION_LOST', why, true))
  connection
    .disconnect()
    .catch(() => undefined)
    .finally(() => connection.socket?.destroy())
}

interface ApiVersion {
  readonly apiKey: number
  readonly minVersion: number
  readonly maxVersion: number
}

interface SocketOptions extends Address {
  readonly ssl: ConnectionOptions | null
  readonly onConnect: () => void
}

function openSocket({ host, port, ssl, onConnect }: SocketOptions): Socket {
  const name = isIP(host) === 0 ? { servername: host } : {}
  const socket =
    ssl === null
      ? connectTcp({ host, port }, onConnect)
      : connectTls({ host, port, ...name, ...ssl }, onConnect)
  socket.setNoDelay(true)
  socket.setKeepAlive(true, 10_000)
  return socket
}
