import { once } from 'node:events'
import { createServer } from 'node:net'
import type { AddressInfo, Server, Socket } from 'node:net'
import { silentLogger, systemClock } from '@waybill/core/spi'
import { rabbitmq } from '../src/index.js'

/** Method frame `connection.start` with empty tables, offering PLAIN. */
const start = methodFrame(
  10,
  10,
  Buffer.concat([Buffer.from([0, 9]), Buffer.alloc(4), longString('PLAIN'), longString('en_US')]),
)
/** `connection.tune`: any number of channels, frames of 128 KiB, no heartbeat. */
const tune = methodFrame(10, 30, Buffer.from([0, 0, 0, 2, 0, 0, 0, 0]))
const openOk = methodFrame(10, 41, Buffer.from([0]))

function longString(text: string): Buffer {
  const length = Buffer.alloc(4)
  length.writeUInt32BE(text.length)
  return Buffer.concat([length, Buffer.from(text)])
}

function methodFrame(classId: number, methodId: number, args: Buffer): Buffer {
  const payload = Buffer.concat([Buffer.from([0, classId, 0, methodId]), args])
  const head = Buffer.from([1, 0, 0, 0, 0, 0, 0])
  head.writeUInt32BE(payload.length, 3)
  return Buffer.concat([head, payload, Buffer.from([206])])
}

describe('a server that does not speak AMQP as it should', () => {
  let server: Server
  const sockets = new Set<Socket>()

  const connecting = async (serve: (socket: Socket) => void): Promise<unknown> => {
    server = createServer((socket) => {
      sockets.add(socket)
      socket.on('error', () => undefined)
      serve(socket)
    })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const transport = rabbitmq({
      url: `amqp://127.0.0.1:${(server.address() as AddressInfo).port}`,
      connectTimeoutMs: 300,
    })
    const report = {
      raise: () => undefined,
      clear: () => undefined,
      note: () => undefined,
      connection: () => undefined,
    }
    try {
      await transport.connect({ clientId: 'test', clock: systemClock, logger: silentLogger, report })
      return undefined
    } catch (error) {
      return error
    } finally {
      await transport.close()
    }
  }

  afterEach(() => {
    for (const socket of sockets) socket.destroy()
    sockets.clear()
    server.close()
  })

  it.each<[string, (socket: Socket) => void]>([
    ['says nothing', () => undefined],
    ['hangs up at once', (socket) => socket.end()],
    ['resets the connection', (socket) => socket.resetAndDestroy()],
    ['speaks HTTP', (socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n')],
    ['sends half a frame', (socket) => socket.end(start.subarray(0, 20))],
    [
      'sends a frame without its end',
      (socket) => socket.write(Buffer.concat([start.subarray(0, -1), Buffer.from([0])])),
    ],
    ['sends an unknown method', (socket) => socket.write(methodFrame(99, 99, Buffer.alloc(4)))],
    [
      'sends a frame that claims to be enormous',
      (socket) => socket.write(Buffer.from([1, 0, 0, 0xff, 0xff, 0xff, 0xff])),
    ],
    [
      'hangs up in the middle of the handshake',
      (socket) => void (socket.write(start), socket.once('data', () => socket.end())),
    ],
    [
      'sends garbage in the middle of the handshake',
      (socket) => void (socket.write(start), socket.once('data', () => socket.write('garbage garbage'))),
    ],
    [
      'closes as soon as it is open',
      (socket) => {
        socket.write(start)
        socket.once('data', () => socket.write(tune))
        setTimeout(() => {
          socket.write(openOk)
          setTimeout(() => socket.destroy(), 20)
        }, 50)
      },
    ],
    [
      'sends garbage as soon as it is open',
      (socket) => {
        socket.write(start)
        socket.once('data', () => socket.write(tune))
        setTimeout(() => {
          socket.write(openOk)
          setTimeout(() => socket.write('garbage garbage'), 20)
        }, 50)
      },
    ],
  ])('is no more than a typed error: it %s', async (behaviour, serve) => {
    const error = await connecting(serve)
    // Once open, the connection counts as made; what ends it later is for the reconnect.
    const expected = behaviour.endsWith('open') ? undefined : 'BROKER_UNREACHABLE'
    expect((error as { code: string } | undefined)?.code).toBe(expected)
  })
})
