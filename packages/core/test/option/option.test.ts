import type { ConfigProblem } from '../../src/error/kinds.js'
import { choice, number, refuseUnknown, resolveOptions, show, text } from '../../src/option/option.js'
import { exponential } from '../../src/index.js'
import { backoff } from '../../src/policy/backoff.js'
import { busOptionTable, subscribeOptionTable } from '../../src/bus/options.js'
import { topicOptionTable } from '../../src/topic/define-topic.js'

interface Settings {
  readonly sizeBytes: number
  readonly mode: string
  readonly name?: string
}

const table = { sizeBytes: number(5, 1, 10), mode: choice('on', ['on', 'off']), name: text() }

function resolve(given: object): { resolved: Settings; problems: string[] } {
  const problems: ConfigProblem[] = []
  const resolved = resolveOptions<Settings>(table, given, problems)
  refuseUnknown(given, Object.keys(table), problems)
  return { resolved, problems: problems.map(({ path, message }) => `${path} ${message}`) }
}

describe('options', () => {
  it('have defaults', () => {
    expect(resolve({})).toEqual({
      resolved: { sizeBytes: 5, mode: 'on', name: undefined },
      problems: [],
    })
    expect(resolve({ sizeBytes: undefined }).resolved.sizeBytes).toBe(5)
  })

  it.each([
    [{ sizeBytes: 11 }, 'sizeBytes must be a whole number from 1 to 10, not 11'],
    [{ sizeBytes: 1.5 }, 'sizeBytes must be a whole number from 1 to 10, not 1.5'],
    [{ sizeBytes: '5' }, 'sizeBytes must be a whole number from 1 to 10, not "5"'],
    [{ sizeBytes: null }, 'sizeBytes must be a whole number from 1 to 10, not null'],
    [{ mode: 'up' }, 'mode must be one of "on", "off", not "up"'],
    [{ mode: 'ON' }, 'mode must be one of "on", "off", not "ON"'],
    [{ name: '' }, 'name must be a string that is not empty, not ""'],
    [{ nane: 'x' }, 'nane is not an option; there are sizeBytes, mode, name'],
  ])('of %j are refused', (given, problem) => {
    expect(resolve(given).problems).toEqual([problem])
  })

  it('are shown without what they hold', () => {
    expect([{ password: 'x' }, ['x'], () => 'x', 1n, Symbol('s'), 'y'.repeat(80)].map(show)).toEqual([
      'an object',
      'an array',
      'a function',
      '1',
      'Symbol(s)',
      `"${'y'.repeat(57)}..."`,
    ])
  })

  it('of every table have a default within their bounds', () => {
    for (const [name, option] of Object.entries({
      ...busOptionTable,
      ...subscribeOptionTable,
      ...topicOptionTable,
    })) {
      const problems: ConfigProblem[] = []
      resolveOptions({ [name]: option }, { [name]: option.default }, problems)
      expect(problems).toEqual([])
    }
  })
})

describe('delays', () => {
  it('double up to their maximum, and half of each is random', () => {
    const longest = backoff({ initialDelayMs: 100, maxDelayMs: 1_000 }, () => 0)
    const shortest = backoff({ initialDelayMs: 100, maxDelayMs: 1_000 }, () => 1)
    expect([1, 2, 3, 4, 5, 1_000].map(longest)).toEqual([100, 200, 400, 800, 1_000, 1_000])
    expect([1, 2, 3].map(shortest)).toEqual([50, 100, 200])
  })

  it('of exponential() are refused outside of their bounds, all at once', () => {
    expect(() => exponential({ initialDelayMs: 0, maxDelayMs: 3_600_001 })).toThrow(
      /initialDelayMs: .*\n.*maxDelayMs: /,
    )
    expect(() => exponential({ attempts: 5 } as object)).toThrow(/attempts: is not an option/)
    const policy = exponential({ initialDelayMs: 10, maxDelayMs: 20 })
    expect(policy.delayMs(50)).toBeGreaterThanOrEqual(10)
    expect(policy.delayMs(50)).toBeLessThanOrEqual(20)
  })
})
