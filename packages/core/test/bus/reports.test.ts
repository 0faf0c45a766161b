import { guarded } from '../../src/bus/logger.js'
import { Reports } from '../../src/bus/reports.js'
import type { Logger, Problem } from '../../src/index.js'
import { silentLogger } from '../../src/spi.js'
import { setUpBus } from '../support/bus-setup.js'
import { VirtualClock } from '../support/virtual-clock.js'

const problem = (message = 'no leader.'): Problem => ({
  code: 'ACKNOWLEDGE_FAILED',
  subject: 'partition orders/0 of billing',
  message,
  details: {},
})

const setUp = () => {
  const lines: string[] = []
  const write = (level: string) => (message: string) => void lines.push(`${level} ${message}`)
  const logger = { debug: write('debug'), info: write('info'), warn: write('warn'), error: write('error') }
  const reports = new Reports(new VirtualClock(), logger)
  const events: string[] = []
  for (const type of ['problem.raised', 'problem.over', 'problem.noted', 'connection'] as const)
    reports.on(type, (event) => events.push(event.type))
  return { reports, lines, events }
}

describe('reports', () => {
  it('show a problem from its start to its end, as event, line and status', () => {
    const { reports, lines, events } = setUp()
    reports.raise(problem())
    expect(reports.problems).toEqual([problem()])
    reports.clear('ACKNOWLEDGE_FAILED', 'partition orders/0 of billing')
    expect(reports.problems).toEqual([])
    expect(events).toEqual(['problem.raised', 'problem.over'])
    expect(lines).toEqual([
      'warn ACKNOWLEDGE_FAILED partition orders/0 of billing: no leader.',
      'info ACKNOWLEDGE_FAILED partition orders/0 of billing: over.',
    ])
  })

  it('tell one problem once, and again when its message changes', () => {
    const { reports, events } = setUp()
    reports.raise(problem())
    reports.raise(problem())
    reports.raise(problem('still no leader.'))
    expect(reports.problems).toEqual([problem('still no leader.')])
    expect(events).toHaveLength(2)
  })

  it('do not mind the end of a problem that nobody knows', () => {
    const { reports, events } = setUp()
    reports.clear('ACKNOWLEDGE_FAILED', 'nothing')
    expect(events).toEqual([])
  })

  it('keep nothing of what is over at once', () => {
    const { reports, lines, events } = setUp()
    reports.note(problem())
    expect({ problems: reports.problems, events, lines: lines.length }).toEqual({
      problems: [],
      events: ['problem.noted'],
      lines: 1,
    })
  })

  it('show each connection until it is closed', () => {
    const { reports, lines } = setUp()
    reports.connection('publisher', 'connected')
    reports.connection('publisher', 'connected')
    reports.connection('publisher', 'blocked', 'low on memory')
    expect(reports.connections).toEqual({ publisher: 'blocked' })
    reports.connection('publisher', 'closed')
    expect(reports.connections).toEqual({})
    expect(lines).toEqual([
      'info connection publisher: connected',
      'warn connection publisher: blocked',
      'info connection publisher: closed',
    ])
  })

  it('go to every listener although one throws, and to none that has left', () => {
    const { reports, lines } = setUp()
    const heard: string[] = []
    reports.on('problem.noted', () => {
      throw new Error('the listener is broken')
    })
    const leave = reports.on('problem.noted', () => heard.push('one'))
    reports.on('problem.noted', () => heard.push('two'))
    reports.note(problem())
    leave()
    reports.note(problem())
    expect(heard).toEqual(['one', 'two', 'two'])
    expect(lines.filter((line) => line === 'error A listener of "problem.noted" threw.')).toHaveLength(2)
  })
})

describe('a logger', () => {
  it('that throws stops nothing', () => {
    const broken: Logger = {
      ...silentLogger,
      warn: () => {
        throw new Error('the disk is full')
      },
    }
    expect(() => guarded(broken).warn('m')).not.toThrow()
  })

  it('may use this', () => {
    class Lines implements Logger {
      readonly lines: string[] = []
      debug(message: string): void {
        this.lines.push(message)
      }
      info(): void {}
      warn(): void {}
      error(): void {}
    }
    const logger = new Lines()
    guarded(logger).debug('m')
    expect(logger.lines).toEqual(['m'])
  })

  it('hears what the bus reports', async () => {
    const lines: string[] = []
    const logger = { ...silentLogger, info: (message: string) => void lines.push(message) }
    const { bus, transport } = setUpBus({ logger })
    await bus.connect()
    transport.context?.report.connection('main', 'connected')
    expect(bus.status().connections).toEqual({ main: 'connected' })
    expect(lines).toEqual(['connection main: connected'])
    await bus.close({ timeoutMs: 0 })
  })
})
