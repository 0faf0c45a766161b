import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Watchdog } from '../watchdog.js'

/** The data folder of one broker. */
export interface Workspace {
  readonly folder: string
  readonly remove: () => Promise<void>
}

export async function createWorkspace(kind: string, watchdog: Watchdog): Promise<Workspace> {
  const folder = await mkdtemp(join(tmpdir(), `waybill-${kind}-`))
  watchdog.guard(`folder ${folder}`)
  return {
    folder,
    async remove() {
      // Helpers of a killed process may still be closing files.
      await rm(folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 50 })
      watchdog.release(`folder ${folder}`)
    },
  }
}
