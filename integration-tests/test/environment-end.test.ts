import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { connect } from 'node:net'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { until } from './support/until.js'

jest.setTimeout(180_000)

const OWNER = `
  const { createEnvironment } = require(${JSON.stringify(join(__dirname, '../dist/environment/index.js'))})
  createEnvironment().then(async (environment) => {
    const brokers = [environment.redis(), environment.rabbitmq(), environment.kafka()]
    const urls = (await Promise.all(brokers)).map(({ url }) => url)
    console.log(JSON.stringify(urls))
    setInterval(() => undefined, 1000)
  })
`

describe('the end of the process that started brokers', () => {
  it.each(['SIGKILL', 'SIGINT'] as const)('by %s ends the brokers within seconds', async (signal) => {
    const owner = spawn(process.execPath, ['-e', OWNER], { stdio: ['ignore', 'pipe', 'inherit'] })
    const ports = await portsPrintedBy(owner)
    expect(ports).toHaveLength(3)
    for (const port of ports) expect(await accepts(port)).toBe(true)

    owner.kill(signal)
    await once(owner, 'exit')
    for (const port of ports)
      await until(`port ${port} is closed`, async () => !(await accepts(port)), 10_000)
  })
})

async function portsPrintedBy(owner: ChildProcess): Promise<number[]> {
  if (!owner.stdout) throw new Error('standard output is not a pipe')
  for await (const line of createInterface({ input: owner.stdout })) {
    const urls: unknown = JSON.parse(line)
    if (Array.isArray(urls)) return urls.map((url) => Number(/:(\d+)$/.exec(String(url))?.[1]))
  }
  throw new Error('the owner ended before its brokers served')
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false))
    socket.once('connect', () => socket.destroy())
  })
}
