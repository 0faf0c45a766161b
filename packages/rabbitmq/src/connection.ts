import { ClosedError, backoff, isWaybillError } from '@waybill/core/spi'
import type { Backoff, ConnectionState, Timer, TransportContext } from '@waybill/core/spi'
import { asError, connectionLost } from './errors.js'
import type { Dialer } from './dialer.js'
import type { Link } from './link.js'
import type { Settings } from './options.js'

/** What lives on a connection. */
export interface Tenant {
  /** Moves in on a fresh connection. If it rejects, the connection is dropped and another made after a while. */
  up(link: Link): Promise<void>
  /** The connection is gone, with everything on it; or moving in failed. */
  down(cause: Error): void
  /** The broker stopped, or went on, reading from the connection. */
  blocked?(blocked: boolean): void
}

/** An AMQP connection that comes back, with jittered backoff, until it is closed. */
export class BrokerConnection {
  readonly #name: string
  readonly #dialer: Dialer
  readonly #context: TransportContext
  readonly #tenant: Tenant
  readonly #backoff: Backoff
  #link: Link | undefined
  #closed = false
  #attempt = 0
  #retry: Timer | undefined
  readonly #waiting = new Set<() => void>()

  constructor(name: string, dialer: Dialer, settings: Settings, context: TransportContext, tenant: Tenant) {
    this.#name = name
    this.#dialer = dialer
    this.#context = context
    this.#tenant = tenant
    const { reconnectInitialDelayMs: initialDelayMs, reconnectMaxDelayMs: maxDelayMs } = settings
    this.#backoff = backoff({ initialDelayMs, maxDelayMs })
  }

  /** The live connection, once its tenant has moved in. */
  get link(): Link | undefined {
    return this.#link
  }

  /**
   * Connects for the first time; what fails here is the caller's to hear.
   * @throws WaybillError
   */
  async open(): Promise<void> {
    try {
      await this.#establish()
    } catch (error) {
      throw isWaybillError(error)
        ? error
        : connectionLost(`The connection ${this.#name} failed while it was set up`, error)
    }
  }

  /** The live connection, awaited for so long; `undefined` if it did not come back, or never will. */
  whenUp(timeoutMs: number): Promise<Link | undefined> {
    if (this.#link !== undefined || this.#closed) return Promise.resolve(this.#link)
    return new Promise((resolve) => {
      const settle = (): void => {
        timer.cancel()
        this.#waiting.delete(settle)
        resolve(this.#link)
      }
      const timer = this.#context.clock.after(timeoutMs, settle)
      this.#waiting.add(settle)
    })
  }

  /** A connection that is being made at this moment ends as soon as it is. */
  async close(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    this.#retry?.cancel()
    await this.#link?.close(this.#context.clock)
    this.#link = undefined
    this.#tellWaiting()
    this.#say('closed')
  }

  async #establish(): Promise<void> {
    this.#say('connecting')
    const link = await this.#dialer.dial(`${this.#context.clientId} ${this.#name}`)
    try {
      this.#refuseIfClosed()
      await this.#tenant.up(link)
      this.#refuseIfClosed()
      if (link.end !== undefined) throw link.end
    } catch (error) {
      link.destroy(new Error('the connection could not be set up'))
      this.#tenant.down(link.end ?? asError(error))
      throw error
    }
    this.#link = link
    const since = this.#context.clock.now()
    link.onBlocked((blocked) => {
      this.#say(blocked ? 'blocked' : 'connected')
      this.#tenant.blocked?.(blocked)
    })
    void link.ended.then((cause) => this.#lost(cause, since))
    this.#say('connected')
    this.#tellWaiting()
  }

  #tellWaiting(): void {
    for (const settle of this.#waiting) settle()
  }

  #refuseIfClosed(): void {
    if (this.#closed) throw new ClosedError(`The connection ${this.#name}`)
  }

  #lost(cause: Error, since: number): void {
    this.#link = undefined
    this.#tenant.down(cause)
    if (this.#closed) return
    // A connection that never lives long must not be made anew in a hot loop.
    if (this.#context.clock.now() - since > 10_000) this.#attempt = 0
    this.#failed(cause)
  }

  #failed(cause: unknown): void {
    this.#say('disconnected', cause)
    this.#attempt += 1
    this.#retry = this.#context.clock.after(this.#backoff(this.#attempt), () => {
      this.#establish().catch((error: unknown) => {
        if (!this.#closed) this.#failed(error)
      })
    })
  }

  #say(state: ConnectionState, cause?: unknown): void {
    this.#context.report.connection(this.#name, state, cause)
  }
}
