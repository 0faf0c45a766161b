import { WaybillError } from './waybill-error.js'
import type { ErrorCode } from './codes.js'

/** One thing that is wrong with what was configured. */
export interface ConfigProblem {
  readonly code: ErrorCode
  /** The option or name, as a path: `retry.maxDelayMs`. */
  readonly path: string
  readonly message: string
}

/**
 * What the caller configured cannot be: fix the code. Options are checked all at once, so
 * `problems` lists every one; `code` is that of the first.
 */
export class ConfigError extends WaybillError {
  override readonly name = 'ConfigError'
  readonly problems: readonly ConfigProblem[]

  constructor(subject: string, problems: readonly [ConfigProblem, ...ConfigProblem[]]) {
    const list = problems.map((problem) => `${problem.path}: ${problem.message}`)
    const text = list.length === 1 ? ` ${list[0]}` : `\n${list.map((line) => `  - ${line}`).join('\n')}`
    super({
      code: problems[0].code,
      message: `${subject} cannot be used as configured:${text}`,
      details: { problems },
    })
    this.problems = problems
  }
}

/**
 * A message was surely not stored (`rejected`), or may be stored (`unknown`). There is no third way
 * for a publish to fail.
 */
export type PublishFailure = 'rejected' | 'unknown'

export interface PublishErrorInit {
  readonly code: ErrorCode
  readonly outcome: PublishFailure
  readonly message: string
  readonly id: string
  readonly topic: string
  readonly partition?: number
  readonly retryable?: boolean
  readonly cause?: unknown
  readonly details?: Readonly<Record<string, unknown>>
  readonly republish?: () => Promise<unknown>
}

/** Why one publish failed, and whether the message may be stored all the same. */
export class PublishError extends WaybillError {
  override readonly name = 'PublishError'
  readonly outcome: PublishFailure
  readonly id: string
  readonly topic: string
  readonly #republish: (() => Promise<unknown>) | undefined

  constructor(init: PublishErrorInit) {
    super({
      code: init.code,
      message: init.message,
      retryable: init.retryable ?? false,
      cause: init.cause,
      details: {
        ...init.details,
        outcome: init.outcome,
        id: init.id,
        topic: init.topic,
        partition: init.partition,
      },
    })
    this.outcome = init.outcome
    this.id = init.id
    this.topic = init.topic
    this.#republish = init.republish
  }

  /**
   * Publishes the same message again: same id, same bytes, marked as republished so that consumers
   * recognise a twin. Resolves and rejects as `publish` does; the message has left its key's order.
   * A message that never became bytes rejects with this same error.
   */
  republish(): Promise<unknown> {
    return this.#republish === undefined ? Promise.reject(this) : this.#republish()
  }
}

/** The broker could not be reached, or did not let us in. */
export class ConnectionError extends WaybillError {
  override readonly name = 'ConnectionError'
}

/** What exists on the broker differs from what the code declares. */
export class TopologyError extends WaybillError {
  override readonly name = 'TopologyError'
}

/** The bus, or the subscription, is closed. */
export class ClosedError extends WaybillError {
  override readonly name = 'ClosedError'

  constructor(what: string) {
    super({ code: 'CLOSED', message: `${what} is closed; open a new one, or stop using it before close().` })
  }
}
