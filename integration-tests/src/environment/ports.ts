import { createServer } from 'node:net'

// Below every system's ephemeral range: while a killed broker is away, no outgoing connection can be given its
// port, and a client that keeps dialling it cannot connect to itself.
const FIRST = 20_000
const LAST = 32_000

/** Ports on 127.0.0.1 that were free a moment ago and stay free for whoever binds them explicitly. */
export async function freePorts(count: number): Promise<number[]> {
  const ports = new Set<number>()
  while (ports.size < count) {
    const port = FIRST + Math.floor(Math.random() * (LAST - FIRST))
    if (await isFree(port)) ports.add(port)
  }
  return [...ports]
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', () => resolve(false))
    server.listen({ port, host: '0.0.0.0', exclusive: true }, () => server.close(() => resolve(true)))
  })
}
