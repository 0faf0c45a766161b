import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { openSync, closeSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import type { ManagedNode } from '../node.js'
import type { Watchdog } from '../watchdog.js'

export interface ProcessCommand {
  readonly name: string
  readonly file: string
  readonly args: readonly string[]
  readonly env?: NodeJS.ProcessEnv
  readonly cwd: string
  readonly logFile: string
}

const LOG_TAIL_LINES = 30

/** A node that is a process group of its own, so that a signal reaches its helpers as well. */
export function processNode(command: ProcessCommand, watchdog: Watchdog): ManagedNode {
  let child: ChildProcess | undefined
  let killed = false

  const running = () => child !== undefined && child.exitCode === null && child.signalCode === null

  const signal = (name: NodeJS.Signals) => {
    if (!child?.pid || !running())
      throw new Error(`${command.name} is not running: ${name} has nothing to reach`)
    process.kill(-child.pid, name)
  }

  return {
    name: command.name,
    async start() {
      const log = openSync(command.logFile, 'a')
      killed = false
      child = spawn(command.file, command.args, {
        cwd: command.cwd,
        detached: true,
        stdio: ['ignore', log, log],
        env: command.env ?? process.env,
      })
      closeSync(log)
      await once(child, 'spawn')
      child.unref()
      if (child.pid) watchdog.guard(`group ${child.pid}`)
    },
    async kill() {
      if (!child?.pid || !running()) return
      killed = true
      const exited = once(child, 'exit')
      child.ref()
      signal('SIGKILL')
      await exited
      watchdog.release(`group ${child.pid}`)
    },
    pause: async () => signal('SIGSTOP'),
    resume: async () => signal('SIGCONT'),
    async postMortem() {
      if (running() || killed) return undefined
      const log = await readFile(command.logFile, 'utf8')
      return log.trimEnd().split('\n').slice(-LOG_TAIL_LINES).join('\n')
    },
  }
}
