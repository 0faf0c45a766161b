import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import type { CloseResult, SubscriptionStatus } from '@waybill/core'
import { fileJournal } from '../ledger/journal.js'
import type { Member } from './member.js'
import type { ProcessConfig, Reply, Request } from './protocol.js'

/** A member that is a process. */
export interface MemberProcess extends Member {
  readonly pid: number
  /** SIGSTOP: its connections stay open, and nothing of it moves. */
  freeze(): void
  /** SIGCONT. */
  thaw(): void
}

/** The same file whether this module runs from `src` or from `dist`: a process needs JavaScript. */
const MAIN = join(__dirname, '..', '..', 'dist', 'member', 'main.js')
const EXIT_GRACE_MS = 5_000

/**
 * Starts a process that joins a group. Resolves when it is assigned or stands by; the package must have
 * been built.
 * @throws Error with what the process said, when it could not start.
 */
export async function spawnMember(config: ProcessConfig): Promise<MemberProcess> {
  const child = fork(MAIN, [JSON.stringify(config)], {
    execArgv: ['--enable-source-maps'],
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  })
  const calls = new Calls(child, config.name)
  try {
    await calls.answer(0)
  } catch (error) {
    child.kill('SIGKILL')
    throw error
  }
  return {
    name: config.name,
    pid: child.pid ?? 0,
    status: () => calls.send<SubscriptionStatus>((number) => ({ call: 'status', number })),
    async close(options) {
      const result = await calls.send<CloseResult>((number) => ({ call: 'close', number, options }))
      const late = setTimeout(() => child.kill('SIGKILL'), EXIT_GRACE_MS)
      child.disconnect()
      await calls.exited
      clearTimeout(late)
      return result
    },
    async kill() {
      if (calls.isOver) return
      fileJournal('test', config.journal).note({ type: 'killed', victim: config.name })
      child.kill('SIGKILL')
      await calls.exited
    },
    freeze: () => void child.kill('SIGSTOP'),
    thaw: () => void child.kill('SIGCONT'),
  }
}

/** Questions to a process and their answers; all of them fail when it ends. */
class Calls {
  readonly exited: Promise<void>
  readonly #child: ChildProcess
  readonly #name: string
  readonly #waiting = new Map<number, { resolve: (value: never) => void; reject: (error: Error) => void }>()
  #number = 0
  #output = ''
  isOver = false

  constructor(child: ChildProcess, name: string) {
    this.#child = child
    this.#name = name
    for (const stream of [child.stdout, child.stderr]) {
      stream?.on('data', (chunk: Buffer) => (this.#output = (this.#output + chunk.toString()).slice(-4_000)))
    }
    child.on('message', (reply: Reply) => {
      const waiting = this.#waiting.get(reply.number)
      this.#waiting.delete(reply.number)
      if ('error' in reply) waiting?.reject(new Error(`Member ${name}: ${reply.error}`))
      else waiting?.resolve(reply.result as never)
    })
    this.exited = once(child, 'exit').then(([code, signal]) => {
      this.isOver = true
      const error = new Error(`Member ${name} ended (${String(signal ?? code)}) and said: ${this.#output}`)
      for (const { reject } of this.#waiting.values()) reject(error)
      this.#waiting.clear()
    })
  }

  #refuse(number: number, error: Error): void {
    this.#waiting.get(number)?.reject(new Error(`Member ${this.#name} cannot be asked`, { cause: error }))
    this.#waiting.delete(number)
  }

  answer<T>(number: number): Promise<T> {
    return new Promise((resolve, reject) => this.#waiting.set(number, { resolve, reject }))
  }

  send<T>(request: (number: number) => Request): Promise<T> {
    const number = (this.#number += 1)
    const answer = this.answer<T>(number)
    this.#child.send(request(number), (error) => {
      if (error !== null) this.#refuse(number, error)
    })
    return answer
  }
}
