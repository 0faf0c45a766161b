import { setTimeout as sleep } from 'node:timers/promises'

/** A node as a provider runs it: one process or one container. */
export interface ManagedNode {
  readonly name: string
  /** Starts it, without waiting until it serves. */
  start(): Promise<void>
  kill(): Promise<void>
  pause(): Promise<void>
  resume(): Promise<void>
  /** The end of its log if it ended by itself, else undefined. */
  postMortem(): Promise<string | undefined>
}

const START_TIMEOUT_MS = 120_000
const POLL_MS = 100

/**
 * Starts a node and resolves, with the probe's answer, once the probe succeeds.
 * @throws Error with the end of its log if it ended, or did not serve within two minutes.
 */
export async function startNode<T>(node: ManagedNode, probe: () => Promise<T>): Promise<T> {
  await node.start()
  const deadline = performance.now() + START_TIMEOUT_MS
  for (;;) {
    try {
      return await probe()
    } catch (cause) {
      const log = await node.postMortem()
      if (log !== undefined)
        throw new Error(`${node.name} ended while starting. Its log ends:\n${log}`, { cause })
      if (performance.now() > deadline) {
        throw new Error(`${node.name} runs but did not serve within ${START_TIMEOUT_MS} ms`, { cause })
      }
    }
    await sleep(POLL_MS)
  }
}
