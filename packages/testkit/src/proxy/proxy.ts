import { once } from 'node:events'
import { type AddressInfo, type Server, type Socket, connect, createServer } from 'node:net'
import { Pipe, type Weather } from './pipe.js'
import { type Protocol, type Reply, replyReader } from './replies.js'

export interface ProxyOptions {
  /** `host:port` to forward to. May be set later with `forwardTo`, for a broker that must know the proxy's port first. */
  readonly target?: string
  /** What the connections speak, for `cutReply`. @default 'raw' */
  readonly protocol?: Protocol
}

/** Client to broker, broker to client, or both. */
export type Direction = 'up' | 'down' | 'both'

export interface ProxyStats {
  /** Connections open now. */
  readonly open: number
  /** Connections accepted so far. */
  readonly accepted: number
  /** Bytes received from clients. */
  readonly upBytes: number
  /** Bytes received from the broker. */
  readonly downBytes: number
  /** Replies held back by `cutReply`. */
  readonly cut: number
}

/**
 * A TCP proxy on 127.0.0.1 that misbehaves on demand. Every fault starts with the call, applies to open and
 * to new connections, and lasts until it is taken back. Nothing is random.
 */
export interface Proxy extends AsyncDisposable {
  readonly port: number
  /** `127.0.0.1:<port>`. */
  readonly address: string
  /** Where new connections go from now on. */
  forwardTo(target: string): void
  /** Delays every byte; 0 ends it. */
  latency(ms: number, direction?: Direction): void
  /**
   * Nothing passes, not even the end of a connection; what was sent meanwhile arrives after `clear()`, as
   * TCP would retransmit it. New connections are accepted, and lead nowhere.
   */
  blackhole(direction: Direction): void
  /** Ends a black hole. */
  clear(): void
  /** Passes at most so many bytes at once; 0 ends it. */
  slice(bytes: number): void
  /** Ends every open connection with a TCP reset, to both sides. */
  reset(): void
  /**
   * The next `times` replies that `matches` accepts never reach their client: the connection is reset
   * instead. The broker has done what the request asked. Resolves when the last one was cut.
   */
  cutReply(matches: (reply: Reply) => boolean, times?: number): Promise<void>
  /** Refuses connections, and resets the open ones, until `up()`. */
  down(): Promise<void>
  /** Listens again, on the same port. */
  up(): Promise<void>
  readonly stats: ProxyStats
  close(): Promise<void>
}

interface Cut {
  readonly matches: (reply: Reply) => boolean
  left: number
  readonly done: () => void
}

interface Link {
  readonly client: Socket
  readonly broker: Socket
}

/** Starts a proxy on a free port; resolves when it listens. */
export async function createProxy(options: ProxyOptions = {}): Promise<Proxy> {
  const links = new Set<Link>()
  const cuts = new Set<Cut>()
  const stats = { open: 0, accepted: 0, upBytes: 0, downBytes: 0, cut: 0 }
  const weather = { up: fairWeather(), down: fairWeather() }
  let target = options.target

  const resetLink = ({ client, broker }: Link): void => {
    client.resetAndDestroy()
    broker.resetAndDestroy()
  }

  const isCut = (reply: Reply): boolean => {
    const cut = [...cuts].find(({ matches }) => matches(reply))
    if (cut === undefined) return false
    stats.cut += 1
    cut.left -= 1
    if (cut.left === 0) {
      cuts.delete(cut)
      cut.done()
    }
    return true
  }

  const accept = (client: Socket): void => {
    if (target === undefined) {
      client.resetAndDestroy()
      return
    }
    const colon = target.lastIndexOf(':')
    const broker = connect({ host: target.slice(0, colon), port: Number(target.slice(colon + 1)) })
    const link = { client, broker }
    const reader = replyReader(options.protocol ?? 'raw')
    const up = new Pipe(client, broker, weather.up)
    const down = new Pipe(broker, client, weather.down)
    links.add(link)
    stats.accepted += 1
    client.setNoDelay(true)
    broker.setNoDelay(true)
    client.on('data', (chunk: Buffer) => {
      stats.upBytes += chunk.length
      reader.request(chunk)
      up.push(chunk)
    })
    broker.on('data', (chunk: Buffer) => {
      stats.downBytes += chunk.length
      for (const reply of reader.replies(chunk)) {
        if (isCut(reply)) return resetLink(link)
        down.push(reply.bytes)
      }
    })
    const passEnd = (from: Socket, pipe: Pipe): void => {
      from.on('end', () => pipe.end((to) => to.end()))
      from.on('error', () => pipe.end((to) => to.resetAndDestroy()))
      from.on('close', () => {
        pipe.end((to) => to.destroySoon())
        if (client.destroyed && broker.destroyed) links.delete(link)
      })
    }
    passEnd(client, up)
    passEnd(broker, down)
  }

  const server = createServer({ allowHalfOpen: true }, accept)
  await listen(server, 0)
  const { port } = server.address() as AddressInfo

  const each = (direction: Direction, change: (weather: FairWeather) => void): void => {
    if (direction !== 'down') change(weather.up)
    if (direction !== 'up') change(weather.down)
  }
  const proxy: Proxy = {
    port,
    address: `127.0.0.1:${port}`,
    forwardTo: (address) => {
      target = address
    },
    latency: (ms, direction = 'both') => each(direction, (way) => (way.latencyMs = ms)),
    blackhole: (direction) => each(direction, (way) => way.hold()),
    clear: () => each('both', (way) => way.release()),
    slice: (bytes) => each('both', (way) => (way.sliceBytes = bytes === 0 ? undefined : bytes)),
    reset: () => links.forEach(resetLink),
    cutReply: (matches, times = 1) =>
      new Promise((done) => {
        cuts.add({ matches, left: times, done })
      }),
    async down() {
      const closed = server.listening ? once(server, 'close') : undefined
      server.close()
      links.forEach(resetLink)
      await closed
    },
    up: () => (server.listening ? Promise.resolve() : listen(server, port)),
    get stats() {
      return { ...stats, open: links.size }
    },
    async close() {
      proxy.clear()
      await proxy.down()
    },
    [Symbol.asyncDispose]: () => proxy.close(),
  }
  return proxy
}

async function listen(server: Server, port: number): Promise<void> {
  server.listen(port, '127.0.0.1')
  await once(server, 'listening')
}

interface FairWeather extends Weather {
  hold(): void
  release(): void
}

function fairWeather(): FairWeather {
  let open: Promise<void> | undefined
  let release = (): void => undefined
  return {
    latencyMs: 0,
    sliceBytes: undefined,
    clear: () => open ?? Promise.resolve(),
    hold() {
      open ??= new Promise((resolve) => (release = resolve))
    },
    release() {
      open = undefined
      release()
    },
  }
}
