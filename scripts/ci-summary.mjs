// Sums up a run of .ci/run: the tests that jest reported, and one for each other step. A test step without a
// report, and one that failed although no test of it did, count as failures too.
import { existsSync, readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'

const reports = join(import.meta.dirname, '../reports')
const stepsFile = join(reports, 'steps.tsv')
const steps = existsSync(stepsFile) ? readFileSync(stepsFile, 'utf8').trim().split('\n') : []
const total = { passed: 0, failed: steps.length === 0 ? 1 : 0, pending: 0 }

/** What jest counted in a test step; a suite that could not be run at all is a failure of its own. */
function testsOf(label) {
  const names = readdirSync(reports).filter((name) => name.startsWith(`${label}-`) && name.endsWith('.json'))
  const counts = { passed: 0, failed: 0, pending: 0 }
  for (const name of names) {
    const report = JSON.parse(readFileSync(join(reports, name), 'utf8'))
    counts.passed += report.numPassedTests
    counts.failed += report.numFailedTests + report.numRuntimeErrorTestSuites
    counts.pending += report.numPendingTests + report.numTodoTests
  }
  return {
    ...counts,
    complete: ['unit', 'integration'].every((suite) => names.includes(`${label}-${suite}.json`)),
  }
}

for (const line of steps) {
  const [name, status, seconds] = line.split('\t')
  const ok = status === '0'
  const label = /^tests (\S+)$/.exec(name)?.[1]
  const counts = { passed: ok ? 1 : 0, failed: ok ? 0 : 1, pending: 0 }
  if (label) {
    const { complete, ...tests } = testsOf(label)
    Object.assign(counts, tests)
    if (!complete || (!ok && tests.failed === 0)) counts.failed++
  }
  for (const kind of Object.keys(total)) total[kind] += counts[kind]
  const detail = label ? `  ${counts.passed} passed, ${counts.failed} failed, ${counts.pending} skipped` : ''
  console.log(`${counts.failed === 0 ? 'ok    ' : 'FAILED'}  ${seconds.padStart(5)} s  ${name}${detail}`)
}

if (total.failed > 0 || total.passed === 0) process.exitCode = 1
console.log(`\n${total.passed} passed, ${total.failed} failed`)
