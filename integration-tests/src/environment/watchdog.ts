import { spawn } from 'node:child_process'
import { Socket } from 'node:net'
import { join } from 'node:path'

const SCRIPT = join(__dirname, '../../watchdog.mjs')

/** What must not outlive this process: a process group, a folder, or the containers and networks with a label. */
export type Guarded = `group ${number}` | `folder ${string}` | `containers ${string}`

/** Removes guarded resources after this process is gone, even by SIGKILL. */
export interface Watchdog {
  guard(resource: Guarded): void
  release(resource: Guarded): void
  /** Ends the watchdog; what is still guarded is removed. */
  close(): void
}

export function startWatchdog(): Watchdog {
  // A session of its own, so that neither Ctrl-C nor the end of our process group reaches it.
  const child = spawn(process.execPath, [SCRIPT], { detached: true, stdio: ['pipe', 'ignore', 'inherit'] })
  child.unref()
  const pipe = child.stdin
  if (pipe instanceof Socket) pipe.unref()
  return {
    guard: (resource) => void pipe.write(`+${resource}\n`),
    release: (resource) => void pipe.write(`-${resource}\n`),
    close: () => void pipe.end(),
  }
}
