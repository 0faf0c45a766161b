// What ran on what, from jest's reports and the brokers that the environment started.
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

/**
 * @param {string} reports folder of the reports
 * @param {string} label of the run
 * @param {{ provider: string, reason: string }} choice of the preflight
 * @returns {{ lines: string[], skipped: string[] }} the summary, and the titles of the skipped tests, each of which
 *   carries its reason after "because"
 */
export function summarize(reports, label, choice) {
  const suites = ['unit', 'integration'].map((name) =>
    readSuite(name, join(reports, `${label}-${name}.json`)),
  )
  const journal = join(reports, `${label}-brokers.log`)
  const brokers = existsSync(journal) ? readFileSync(journal, 'utf8').trim().split('\n') : []
  const lines = [
    '',
    `Node ${process.versions.node}, brokers by provider "${choice.provider}" (${choice.reason})`,
    ...countEach(brokers).map(([broker, times]) => `  ${broker}, started ${times} times`),
    ...suites.map(({ name, counts }) => `${name.padEnd(12)} ${counts}`),
  ]
  return { lines, skipped: suites.flatMap((suite) => suite.skipped) }
}

function readSuite(name, file) {
  if (!existsSync(file)) return { name, counts: 'did not report', skipped: [] }
  const report = JSON.parse(readFileSync(file, 'utf8'))
  const tests = report.testResults.flatMap((suite) => suite.assertionResults)
  const skipped = tests.filter(({ status }) => status !== 'passed' && status !== 'failed')
  const broken = report.numRuntimeErrorTestSuites
  const counts = `${report.numPassedTests} passed, ${report.numFailedTests} failed, ${skipped.length} skipped`
  return {
    name,
    counts: broken ? `${counts}, ${broken} files could not be run` : counts,
    skipped: skipped.map(({ fullName }) => fullName),
  }
}

function countEach(lines) {
  const counts = new Map()
  for (const line of lines) counts.set(line, (counts.get(line) ?? 0) + 1)
  return [...counts]
}
