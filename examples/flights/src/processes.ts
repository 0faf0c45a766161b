import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import type { Actor, Cast } from './cast.js'
import type { Size } from './flights.js'
import type { FoldDatabase } from './fold-table.js'
import type { FromProcess, Role, ToProcess } from './protocol.js'
import type { Group } from './topic.js'
import type { Broker } from './transport.js'

export interface ProcessesOptions {
  readonly broker: Broker
  readonly topic: string
  readonly records: Size
  readonly perSecond: number
}

/** The publisher and every member in a process of its own; the databases are here. */
export class ProcessCast implements Cast {
  readonly failed: Promise<never>
  readonly #options: ProcessesOptions
  readonly #databases: Readonly<Record<Group, FoldDatabase>>
  readonly #children = new Set<ChildProcess>()
  #fail: (error: Error) => void = () => undefined

  constructor(options: ProcessesOptions, databases: Readonly<Record<Group, FoldDatabase>>) {
    this.#options = options
    this.#databases = databases
    this.failed = new Promise((_, reject) => (this.#fail = reject))
    // Whoever waits sees it; while nobody does, it is kept.
    this.failed.catch(() => undefined)
  }

  async join(group: Group, name: string): Promise<Actor> {
    const { broker, topic } = this.#options
    const child = this.#start({ is: 'member', broker, topic, group }, name)
    const database = this.#databases[group]
    child.on('message', (message: FromProcess) => {
      // A killed member's connection to the database is cut with it.
      if (message.type !== 'add' || !this.#children.has(child)) return
      tell(child, { type: 'added', number: message.number, result: database.add(message.finished) })
    })
    await this.#said(child, 'joined')
    return {
      name,
      group,
      kill: async () => {
        this.#children.delete(child)
        child.kill('SIGKILL')
        await once(child, 'exit')
      },
      leave: async () => {
        tell(child, { type: 'leave' })
        await this.#said(child, 'done')
      },
    }
  }

  async publish(published: (count: number) => void): Promise<void> {
    const child = this.#start({ is: 'publisher', ...this.#options }, 'the publisher')
    child.on('message', (message: FromProcess) => {
      if (message.type === 'published') published(message.count)
    })
    await this.#said(child, 'done')
  }

  async end(): Promise<void> {
    const children = [...this.#children]
    this.#children.clear()
    await Promise.all(
      children.map(async (child) => {
        child.kill('SIGKILL')
        if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
      }),
    )
  }

  #start(role: Role, name: string): ChildProcess {
    const child = fork(join(__dirname, 'process.js'), [JSON.stringify(role)])
    this.#children.add(child)
    child.on('exit', (code, signal) => {
      const wasExpected = !this.#children.delete(child) || code === 0
      if (!wasExpected) this.#fail(new Error(`${name} ended with ${signal ?? `exit code ${code}`}`))
    })
    return child
  }

  #said(child: ChildProcess, type: FromProcess['type']): Promise<void> {
    const said = new Promise<void>((resolve) => {
      child.on('message', (message: FromProcess) => {
        if (message.type === type) resolve()
      })
    })
    return Promise.race([said, this.failed])
  }
}

function tell(child: ChildProcess, message: ToProcess): void {
  // It may have been killed in the meantime.
  if (child.connected) child.send(message, () => undefined)
}
