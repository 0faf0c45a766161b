import type { Timer } from '../clock.js'
import { WaybillError } from '../error/waybill-error.js'
import { messageSubject, type Consumption } from './consumption.js'
import type { Run } from './run.js'

const lookMs = 1_000

/** Reports and aborts handlers that run longer than they may; they keep their key until they end. */
export class HandlerWatch {
  readonly #consumption: Consumption
  readonly #runs: ReadonlySet<Run>
  #timer: Timer | undefined

  constructor(consumption: Consumption, runs: ReadonlySet<Run>) {
    this.#consumption = consumption
    this.#runs = runs
  }

  /** Watches from now on, until nothing runs. */
  start(): void {
    const { clock, handlerTimeoutMs } = this.#consumption
    this.#timer ??= clock.after(Math.min(lookMs, handlerTimeoutMs), () => {
      this.#timer = undefined
      for (const run of this.#runs)
        if (!run.isLate && clock.now() - run.startedAt >= handlerTimeoutMs) this.#late(run)
      this.start()
    })
  }

  ended(run: Run): void {
    if (run.isLate)
      this.#consumption.report.clear('HANDLER_TIMEOUT', messageSubject(this.#consumption, run.delivery))
    if (this.#runs.size === 0) this.stop()
  }

  /** Also with handlers that never end, which must not keep the process alive after a close. */
  stop(): void {
    this.#timer?.cancel()
    this.#timer = undefined
  }

  #late(run: Run): void {
    const { handlerTimeoutMs, report } = this.#consumption
    run.isLate = true
    const code = 'HANDLER_TIMEOUT'
    const message = `A handler runs longer than handlerTimeoutMs (${handlerTimeoutMs} ms); its signal aborted, and its key waits until it ends.`
    const subject = messageSubject(this.#consumption, run.delivery)
    report.raise({ code, subject, message, details: { id: run.delivery.id } })
    run.abort(new WaybillError({ code, message }))
  }
}
