import { setTimeout as sleep } from 'node:timers/promises'

/** Polls until the condition holds. */
export async function until(
  what: string,
  condition: () => Promise<boolean>,
  timeoutMs = 20_000,
): Promise<void> {
  const deadline = performance.now() + timeoutMs
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error(`not within ${timeoutMs} ms: ${what}`)
    await sleep(50)
  }
}

/** Whether it is still pending after a second: for things that must not happen meanwhile. */
export async function stands(promise: Promise<unknown>): Promise<boolean> {
  return (await Promise.race([promise, sleep(1_000, stands)])) === stands
}
