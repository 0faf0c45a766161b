import { once } from 'node:events'
import { type AddressInfo, type Server, type Socket, connect, createServer } from 'node:net'
import { type Proxy, amqpConfirm, createProxy, kafkaReply } from '../src/index.js'

/** Echoes what it gets, and remembers it. */
async function startEcho(): Promise<{
  server: Server
  address: string
  received: () => string
  sockets: Socket[]
}> {
  const sockets: Socket[] = []
  let received = ''
  const server = createServer((socket) => {
    sockets.push(socket)
    socket.on('error', () => undefined)
    socket.on('data', (chunk: Buffer) => {
      received += chunk.toString('latin1')
      socket.write(chunk)
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.unref()
  return { server, address: `127.0.0.1:${port}`, received: () => received, sockets }
}

async function open(port: number): Promise<Socket> {
  const socket = connect(port, '127.0.0.1')
  socket.on('error', () => undefined)
  await once(socket, 'connect')
  return socket
}

/** Resolves when the socket has closed, also by an error. */
const closing = (socket: Socket): Promise<unknown> => new Promise((resolve) => socket.once('close', resolve))

async function read(socket: Socket, bytes: number): Promise<Buffer> {
  const chunks: Buffer[] = []
  let size = 0
  while (size < bytes) {
    const [chunk] = (await once(socket, 'data')) as [Buffer]
    chunks.push(chunk)
    size += chunk.length
  }
  return Buffer.concat(chunks)
}

const until = async (condition: () => boolean): Promise<void> => {
  for (let left = 1_000; !condition(); left -= 1) {
    if (left === 0) throw new Error(`never: ${String(condition)}`)
    await new Promise((resolve) => setTimeout(resolve, 2))
  }
}

describe('createProxy', () => {
  let echo: Awaited<ReturnType<typeof startEcho>>
  let proxy: Proxy
  let clients: Socket[]

  beforeEach(async () => {
    echo = await startEcho()
    proxy = await createProxy({ target: echo.address })
    clients = []
  })
  afterEach(async () => {
    clients.forEach((client) => client.destroy())
    await proxy.close()
    echo.server.close()
  })
  const client = async (): Promise<Socket> => {
    const socket = await open(proxy.port)
    clients.push(socket)
    return socket
  }

  it('passes bytes both ways and counts them', async () => {
    const socket = await client()
    socket.write('hello')
    expect((await read(socket, 5)).toString()).toBe('hello')
    expect(proxy.stats).toMatchObject({ open: 1, accepted: 1, upBytes: 5, downBytes: 5 })
  })

  it('passes ten megabytes unharmed, sliced or not', async () => {
    const socket = await client()
    const bytes = Buffer.alloc(10_000_000, 'waybill')
    socket.write(bytes)
    expect((await read(socket, bytes.length)).equals(bytes)).toBe(true)
    proxy.slice(7)
    socket.write(bytes.subarray(0, 20_000))
    expect((await read(socket, 20_000)).equals(bytes.subarray(0, 20_000))).toBe(true)
  })

  it('delays bytes by the latency, and keeps their order', async () => {
    const socket = await client()
    proxy.latency(60, 'down')
    const start = performance.now()
    socket.write('a')
    socket.write('b')
    expect((await read(socket, 2)).toString()).toBe('ab')
    expect(performance.now() - start).toBeGreaterThanOrEqual(59)
  })

  it('lets nothing of one direction pass in a black hole, and delivers it afterwards', async () => {
    const socket = await client()
    proxy.blackhole('down')
    socket.write('held')
    await until(() => proxy.stats.downBytes === 4)
    expect(echo.received()).toBe('held')
    expect(socket.bytesRead).toBe(0)
    const arrived = read(socket, 4)
    proxy.clear()
    expect((await arrived).toString()).toBe('held')
  })

  it('hides the end of a connection in a black hole', async () => {
    const socket = await client()
    socket.write('x')
    await read(socket, 1)
    proxy.blackhole('up')
    const closed = jest.fn()
    echo.sockets[0]?.on('close', closed)
    socket.destroy()
    await closing(socket)
    await new Promise((resolve) => setTimeout(resolve, 50))
    expect(closed).not.toHaveBeenCalled()
    proxy.clear()
    await until(() => closed.mock.calls.length > 0)
  })

  it('resets open connections, and accepts new ones', async () => {
    const socket = await client()
    socket.write('x')
    await read(socket, 1)
    const failed = closing(socket)
    proxy.reset()
    await failed
    const next = await client()
    next.write('y')
    expect((await read(next, 1)).toString()).toBe('y')
  })

  it('refuses connections while down, and serves the same port when up again', async () => {
    await proxy.down()
    await expect(open(proxy.port)).rejects.toThrow('ECONNREFUSED')
    await proxy.up()
    const socket = await client()
    socket.write('z')
    expect((await read(socket, 1)).toString()).toBe('z')
  })

  it('passes the end of a connection on, after its last bytes', async () => {
    const socket = await client()
    socket.write('last')
    await read(socket, 4)
    const ended = closing(socket)
    echo.sockets[0]?.end('bye')
    expect((await read(socket, 3)).toString()).toBe('bye')
    socket.end()
    await ended
    await until(() => proxy.stats.open === 0)
  })
})

const kafkaResponse = (request: Buffer): Buffer => {
  const reply = Buffer.alloc(8)
  reply.writeInt32BE(4, 0)
  request.copy(reply, 4, 8, 12)
  return reply
}

const kafkaRequest = (apiKey: number, correlationId: number): Buffer => {
  const bytes = Buffer.alloc(14)
  bytes.writeInt32BE(10, 0)
  bytes.writeInt16BE(apiKey, 4)
  bytes.writeInt32BE(correlationId, 8)
  return bytes
}

const amqpFrame = (type: number, classId: number, methodId: number): Buffer => {
  const bytes = Buffer.alloc(12)
  bytes.writeUInt8(type, 0)
  bytes.writeUInt16BE(1, 1)
  bytes.writeUInt32BE(4, 3)
  bytes.writeUInt16BE(classId, 7)
  bytes.writeUInt16BE(methodId, 9)
  bytes.writeUInt8(0xce, 11)
  return bytes
}

describe('cutReply', () => {
  it('cuts the reply to a Kafka request of one kind, after the broker has it, and passes all others', async () => {
    const requests: number[] = []
    const server = createServer((socket) => {
      socket.on('error', () => undefined)
      let rest = Buffer.alloc(0)
      socket.on('data', (chunk: Buffer) => {
        rest = Buffer.concat([rest, chunk])
        for (; rest.length >= 14; rest = rest.subarray(14)) {
          requests.push(rest.readInt32BE(8))
          socket.write(kafkaResponse(rest))
        }
      })
    })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const proxy = await createProxy({
      target: `127.0.0.1:${(server.address() as AddressInfo).port}`,
      protocol: 'kafka',
    })
    proxy.slice(3)
    const cut = proxy.cutReply(kafkaReply(0))
    const socket = await open(proxy.port)
    socket.write(kafkaRequest(3, 1))
    expect((await read(socket, 8)).readInt32BE(4)).toBe(1)
    const closed = closing(socket)
    socket.write(kafkaRequest(0, 2))
    await Promise.all([cut, closed])
    expect(requests).toEqual([1, 2])
    expect(proxy.stats.cut).toBe(1)
    const next = await open(proxy.port)
    next.write(kafkaRequest(0, 3))
    expect((await read(next, 8)).readInt32BE(4)).toBe(3)
    next.destroy()
    await proxy.close()
    server.close()
  })

  it('knows a publisher confirm from other AMQP frames', async () => {
    const server = createServer((socket) => {
      socket.on('error', () => undefined)
      socket.write(Buffer.concat([amqpFrame(8, 0, 0), amqpFrame(1, 60, 60), amqpFrame(1, 60, 80)]))
    })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const proxy = await createProxy({
      target: `127.0.0.1:${(server.address() as AddressInfo).port}`,
      protocol: 'amqp',
    })
    const cut = proxy.cutReply(amqpConfirm)
    const socket = await open(proxy.port)
    await Promise.all([cut, closing(socket)])
    expect(proxy.stats).toMatchObject({ downBytes: 36, cut: 1 })
    await proxy.close()
    server.close()
  })
})
