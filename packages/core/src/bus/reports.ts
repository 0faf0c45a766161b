import type { Clock } from '../clock.js'
import type { ErrorCode } from '../error/codes.js'
import type { ConnectionState, Problem, Reporter } from '../transport/report.js'
import type { BusEvent, BusEventOf, BusEventType } from './events.js'
import type { Logger } from './logger.js'

type Listener = (event: never) => void

/** Whatever happens becomes a typed event, a log line, and a field of `status()` until it is over. */
export class Reports implements Reporter {
  readonly #clock: Clock
  readonly #logger: Logger
  readonly #listeners = new Map<BusEventType, Set<Listener>>()
  readonly #problems = new Map<string, Problem>()
  readonly #connections: Record<string, ConnectionState> = Object.create(null) as Record<
    string,
    ConnectionState
  >

  constructor(clock: Clock, logger: Logger) {
    this.#clock = clock
    this.#logger = logger
  }

  get problems(): readonly Problem[] {
    return [...this.#problems.values()]
  }

  get connections(): Readonly<Record<string, ConnectionState>> {
    return { ...this.#connections }
  }

  on<K extends BusEventType>(type: K, listener: (event: BusEventOf<K>) => void): () => void {
    const listeners = this.#listeners.get(type) ?? new Set()
    this.#listeners.set(type, listeners.add(listener))
    return () => void listeners.delete(listener)
  }

  /** A listener that throws is the listener's fault: it is logged and stops nothing. */
  emit(event: BusEvent): void {
    for (const listener of this.#listeners.get(event.type) ?? []) {
      try {
        listener(event as never)
      } catch (error) {
        this.#logger.error(`A listener of "${event.type}" threw.`, { error })
      }
    }
  }

  raise(problem: Problem): void {
    const key = keyOf(problem.code, problem.subject)
    const known = this.#problems.get(key)
    this.#problems.set(key, problem)
    if (known?.message === problem.message) return
    this.#logger.warn(`${problem.code} ${problem.subject}: ${problem.message}`, problem.details)
    this.emit({ type: 'problem.raised', atMs: this.#clock.wallMs(), problem })
  }

  clear(code: ErrorCode, subject: string): void {
    const key = keyOf(code, subject)
    const problem = this.#problems.get(key)
    if (problem === undefined) return
    this.#problems.delete(key)
    this.#logger.info(`${code} ${subject}: over.`)
    this.emit({ type: 'problem.over', atMs: this.#clock.wallMs(), problem })
  }

  note(problem: Problem): void {
    this.#logger.warn(`${problem.code} ${problem.subject}: ${problem.message}`, problem.details)
    this.emit({ type: 'problem.noted', atMs: this.#clock.wallMs(), problem })
  }

  connection(name: string, state: ConnectionState, cause?: unknown): void {
    if (this.#connections[name] === state) return
    if (state === 'closed') delete this.#connections[name]
    else this.#connections[name] = state
    const level = state === 'disconnected' || state === 'blocked' ? 'warn' : 'info'
    this.#logger[level](`connection ${name}: ${state}`, cause === undefined ? {} : { cause })
    this.emit({
      type: 'connection',
      atMs: this.#clock.wallMs(),
      name,
      state,
      ...(cause === undefined ? {} : { cause }),
    })
  }
}

const keyOf = (code: ErrorCode, subject: string): string => `${code} ${subject}`
