import { setTimeout as sleep } from 'node:timers/promises'
import type { Message } from '@waybill/core'

/** A message that says how it wants to be handled, so that a process needs no code for a test. */
export interface Work {
  readonly n?: number
  /** Takes so long. */
  readonly sleepMs?: number
  /** Throws on its first so many attempts. */
  readonly failTimes?: number
  readonly text?: string
}

/** Does what the message asks for; a hurried handler neither sleeps nor throws. */
export async function work(message: Message<Work>, hurried: boolean = false): Promise<void> {
  const { sleepMs = 0, failTimes = 0 } = message.value
  if (hurried) return
  // Does not keep a process alive that has nothing else to do.
  if (sleepMs > 0) await sleep(sleepMs, undefined, { ref: false })
  if (message.attempt <= failTimes) throw new Error(`attempt ${message.attempt} fails, as the message asks`)
}
