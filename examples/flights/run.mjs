// Builds what the demo needs, quietly, and runs it.
import { spawnSync } from 'node:child_process'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'

const typescript = dirname(createRequire(import.meta.url).resolve('typescript/package.json'))
const build = spawnSync(process.execPath, [join(typescript, 'bin', 'tsc'), '-b', import.meta.dirname], {
  encoding: 'utf8',
})
if (build.status !== 0) {
  console.error(`The demo could not be built:\n${build.stdout}${build.stderr}`)
  process.exit(1)
}
await import('./dist/main.js')
