// `npm test`: every suite on real brokers. Makes sure that brokers can be had, builds what child processes run, runs
// the projects `unit` and `integration`, and ends with what ran on what. Further arguments go to jest.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { summarize } from './test-summary.mjs'

const OLDEST_NODE = [20, 19]
const root = join(import.meta.dirname, '..')
const reports = join(root, 'reports')
const require = createRequire(import.meta.url)

const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)
if (major < OLDEST_NODE[0] || (major === OLDEST_NODE[0] && minor < OLDEST_NODE[1])) {
  fail(`Node ${process.versions.node} is too old: install Node ${OLDEST_NODE.join('.')} or later.`)
}

const label = process.env.WAYBILL_REPORT_LABEL || 'local'
const journal = join(reports, `${label}-brokers.log`)
const filters = process.argv.slice(2)

mkdirSync(reports, { recursive: true })
rmSync(journal, { force: true })

if (!(await run('typescript/bin/tsc', ['-b']))) fail('The build failed.')

const { preflight } = require('../integration-tests/dist/environment/index.js')
const choice = await preflight().catch((error) => fail(error.message))
console.log(`Brokers: ${choice.provider}, because ${choice.reason}. Node ${process.versions.node}.`)

const environment = { WAYBILL_BROKERS: choice.provider, WAYBILL_BROKER_JOURNAL: journal }
const projects = [
  { name: 'unit', args: [] },
  // One file at a time: brokers of two files at once would need more than a small machine has.
  { name: 'integration', args: ['--runInBand'] },
]
let passed = true
for (const { name, args } of projects) {
  const report = join(reports, `${label}-${name}.json`)
  rmSync(report, { force: true })
  const select = ['--selectProjects', name, ...args, '--json', '--outputFile', report]
  const lenient = filters.length > 0 ? ['--passWithNoTests'] : []
  passed = (await run('jest/bin/jest.js', [...select, ...lenient, ...filters], environment)) && passed
}

// A filter skips everything else; without one, a test that does not run has to say why.
const { lines, skipped } = summarize(reports, label, choice)
console.log(lines.join('\n'))
if (filters.length === 0) {
  for (const title of skipped) console.log(`  skipped: ${title}`)
  if (!skipped.every((title) => title.includes(' because '))) passed = false
}
process.exitCode = passed ? 0 : 1

/** Runs a script of a dependency; resolves to whether it succeeded. */
async function run(program, args, env = {}) {
  const child = spawn(process.execPath, [join(root, 'node_modules', program), ...args], {
    cwd: root,
    stdio: ['ignore', 'inherit', 'inherit'],
    env: { ...process.env, ...env },
  })
  const forward = (signal) => child.kill(signal)
  process.on('SIGINT', forward).on('SIGTERM', forward)
  await once(child, 'exit')
  process.off('SIGINT', forward).off('SIGTERM', forward)
  if (child.signalCode) fail(`Ended by ${child.signalCode}.`)
  return child.exitCode === 0
}

function fail(message) {
  console.error(message)
  process.exit(1)
}
