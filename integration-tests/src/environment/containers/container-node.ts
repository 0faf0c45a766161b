import {
  GenericContainer,
  type StartedTestContainer,
  type WaitStrategy,
  getContainerRuntimeClient,
} from 'testcontainers'
import type { ManagedNode } from '../node.js'

export interface ContainerSpec {
  readonly name: string
  readonly image: string
  /** A network in which other containers find it by its name. */
  readonly network?: string | undefined
  /** The same inside and outside, so that they are the same after every restart. */
  readonly ports: readonly number[]
  readonly environment?: Readonly<Record<string, string>>
  readonly command?: readonly string[]
  /** Content by path. */
  readonly files?: Readonly<Record<string, string>>
}

export interface ContainerNode extends ManagedNode {
  /** Runs a command in the container; resolves to its standard output. */
  exec(...command: readonly string[]): Promise<string>
  remove(): Promise<void>
}

const LOG_TAIL_LINES = 30

/** A node that is a container, killed and paused by the engine. `label` marks it for the watchdog. */
export function containerNode(spec: ContainerSpec, label: string): ContainerNode {
  let started: StartedTestContainer | undefined
  let killed = false

  const container = async () => {
    if (!started) throw new Error(`${spec.name} was never started`)
    const { container: containers } = await getContainerRuntimeClient()
    return containers.getById(started.getId())
  }
  const state = async () => (await (await container()).inspect()).State

  return {
    name: spec.name,
    async start() {
      killed = false
      if (started) await (await container()).start()
      else started = await describe(spec, label).start()
    },
    async kill() {
      if (!started) return
      const { Running, Paused } = await state()
      if (!Running) return
      killed = true
      const victim = await container()
      const gone = victim.wait()
      await victim.kill()
      // A frozen process receives its signal when it thaws.
      if (Paused) await victim.unpause().catch(() => undefined)
      await gone
    },
    pause: async () => void (await (await container()).pause()),
    resume: async () => void (await (await container()).unpause()),
    async postMortem() {
      if (killed || (await state()).Running) return undefined
      const log = await (await container()).logs({ stdout: true, stderr: true, tail: LOG_TAIL_LINES })
      return textOf(log)
    },
    async exec(...command) {
      if (!started) throw new Error(`${spec.name} was never started`)
      const { exitCode, output, stdout } = await started.exec([...command])
      if (exitCode !== 0) throw new Error(`${command.join(' ')} failed in ${spec.name}:\n${output}`)
      return stdout
    },
    async remove() {
      if (started) await (await container()).remove({ force: true, v: true })
    },
  }
}

/** The text of a log that comes in frames: stream, three zeros, size in four bytes, content. */
function textOf(log: Buffer): string {
  const contents: Buffer[] = []
  for (let at = 0; at + 8 <= log.length; at += 8 + log.readUInt32BE(at + 4)) {
    contents.push(log.subarray(at + 8, at + 8 + log.readUInt32BE(at + 4)))
  }
  return Buffer.concat(contents).toString('utf8')
}

function describe(spec: ContainerSpec, label: string): GenericContainer {
  const [labelName = '', labelValue = ''] = label.split('=')
  const container = new GenericContainer(spec.image)
    .withLabels({ [labelName]: labelValue })
    .withExposedPorts(...spec.ports.map((port) => ({ container: port, host: port })))
    .withEnvironment({ ...spec.environment })
    .withCopyContentToContainer(
      Object.entries(spec.files ?? {}).map(([target, content]) => ({ target, content, mode: 0o644 })),
    )
    .withWaitStrategy(probedByCaller)
  if (spec.network) container.withNetworkMode(spec.network).withNetworkAliases(spec.name)
  return spec.command ? container.withCommand([...spec.command]) : container
}

/** The broker's own protocol tells better than ports or logs when it serves; `startNode` asks it. */
const probedByCaller: WaitStrategy = {
  waitUntilReady: async () => undefined,
  withStartupTimeout: () => probedByCaller,
  isStartupTimeoutSet: () => false,
  getStartupTimeout: () => 0,
}
