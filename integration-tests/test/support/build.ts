import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)
const ROOT = join(__dirname, '..', '..', '..')

/**
 * Brings `dist` of these packages and of what they need up to date, for processes that tests start: they run
 * what is built. Takes under a second when nothing changed.
 */
export async function build(...packages: readonly string[]): Promise<void> {
  const projects = packages.map((name) => join(ROOT, 'packages', name))
  await run(process.execPath, [join(ROOT, 'node_modules/typescript/bin/tsc'), '-b', ...projects])
}
