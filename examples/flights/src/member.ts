import { setTimeout as sleep } from 'node:timers/promises'
import { connect, type Bus, type Transport } from '@waybill/core'
import type { FoldTable } from './fold-table.js'
import { machineClockMs } from './machine-clock.js'
import type { flightsTopic, Group } from './topic.js'

/** What a real handler would wait for: a query, a call. */
const workMs = 2

/** Becomes one member of a group. Closing the bus leaves the group. */
export async function joinGroup(
  transport: Transport,
  topic: ReturnType<typeof flightsTopic>,
  group: Group,
  folds: FoldTable,
): Promise<Bus> {
  const bus = await connect({ transport })
  await bus.subscribe(topic, { group, concurrency: 64 }, async (message) => {
    const startedAtMs = machineClockMs()
    await sleep(workMs, undefined, { signal: message.signal })
    await folds.add({
      id: message.id,
      flight: message.value,
      startedAtMs,
      publishedAtMs: message.time.getTime(),
    })
  })
  return bus
}
