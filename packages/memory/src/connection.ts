import { ConnectionError, type TransportContext } from '@waybill/core/spi'

/** What lives and dies with a connection. */
interface Dependant {
  /** The broker no longer knows it. */
  dropped(): void
  /** The broker is there again. */
  restored(): void
  /** It will not come back. */
  failed(error: ConnectionError): void
}

const name = 'memory'
const longestTimerMs = 2_147_483_647

/** The state of one bus at the broker, and who has to know when it changes. */
export class Connection {
  readonly dependants: Set<Dependant> = new Set()
  readonly context: TransportContext
  readonly #forget: () => void
  readonly #waiting = new Set<() => void>()
  // Keeps the process alive as a socket would: a service runs until it closes its bus.
  readonly #keepAlive = setInterval(() => undefined, longestTimerMs)
  #state: 'up' | 'cut' | 'crashed' = 'up'

  constructor(context: TransportContext, forget: () => void) {
    this.context = context
    this.#forget = forget
    context.report.connection(name, 'connected')
  }

  get isUp(): boolean {
    return this.#state === 'up'
  }

  /** Resolves when the connection is up, or the signal aborts; with whether it is up. */
  async whenUp(signal: AbortSignal): Promise<boolean> {
    while (!this.isUp && !signal.aborted) await this.#changed(signal)
    return this.isUp
  }

  #changed(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        this.#waiting.delete(done)
        signal.removeEventListener('abort', done)
        resolve()
      }
      this.#waiting.add(done)
      signal.addEventListener('abort', done)
    })
  }

  cut(): void {
    if (this.#state !== 'up') return
    this.#state = 'cut'
    for (const dependant of this.dependants) dependant.dropped()
    this.context.report.connection(name, 'disconnected')
  }

  restore(): void {
    if (this.#state !== 'cut') return
    this.#state = 'up'
    this.context.report.connection(name, 'connected')
    for (const dependant of this.dependants) dependant.restored()
    for (const resume of this.#waiting) resume()
  }

  crash(): void {
    this.cut()
    this.#state = 'crashed'
    clearInterval(this.#keepAlive)
    const error = new ConnectionError({
      code: 'CONNECTION_LOST',
      message: 'This bus was crashed by a test and does not come back. Close it and open another.',
    })
    for (const dependant of this.dependants) dependant.failed(error)
  }

  close(): void {
    clearInterval(this.#keepAlive)
    this.#forget()
    this.context.report.connection(name, 'closed')
  }
}
