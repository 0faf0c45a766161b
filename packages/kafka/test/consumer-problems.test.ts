import type { Problem, Reporter } from '@waybill/core/spi'
import { ConsumerProblems } from '../src/consumer-problems.js'

function reporting() {
  const current = new Map<string, Problem>()
  const report: Reporter = {
    raise: (problem) => void current.set(`${problem.code} ${problem.subject}`, problem),
    clear: (code, subject) => void current.delete(`${code} ${subject}`),
    note: () => undefined,
    connection: () => undefined,
  }
  return { problems: new ConsumerProblems(report, 'orders', 'billing', ['hunter2']), current }
}

describe('a batch that cannot be read', () => {
  it('is reported with its offset and the remedy, for as long as its partition stands still', () => {
    const { problems, current } = reporting()
    problems.stalled(3, { offset: 41, next: 44, cause: new Error('its checksum is wrong: hunter2') })
    const [problem] = current.values()
    expect(problem).toMatchObject({
      code: 'PARTITION_STALLED',
      subject: 'partition orders/3 of billing',
      details: { partition: 3, offset: 41, next: 44 },
    })
    expect(problem?.message).toContain('skipTo(3, 44)')
    expect(problem?.message).not.toContain('hunter2')
    problems.over(2)
    expect(current.size).toBe(1)
    problems.over(3)
    expect(current.size).toBe(0)
  })

  it('is no longer reported by a member that has left', () => {
    const { problems, current } = reporting()
    for (const partition of [0, 1]) problems.stalled(partition, { offset: 1, next: 2, cause: 'not snappy' })
    problems.allOver()
    expect(current.size).toBe(0)
  })
})
