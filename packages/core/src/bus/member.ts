import { within } from '../clock.js'
import { ConfigError, type ConfigProblem } from '../error/kinds.js'
import { WaybillError } from '../error/waybill-error.js'
import { ConsumeEngine } from '../consume/consume-engine.js'
import type { Consumption } from '../consume/consumption.js'
import type { TransportConsumer } from '../transport/transport.js'
import { closeTimeoutOf } from './close-timeout.js'
import type { CloseOptions, CloseResult, Subscription, SubscriptionStatus } from './subscription.js'

/** What a close may still take after its timeout, for acknowledging and saying goodbye. */
export const graceMs = 2_000

/** One subscription of this process: opens, closes and shows a consume engine. */
export class Member implements Subscription {
  readonly topic: string
  readonly group: string
  readonly engine: ConsumeEngine
  readonly #consumption: Consumption
  readonly #closeTimeoutMs: number
  readonly #ended: () => void
  #consumer: TransportConsumer | undefined
  #state: SubscriptionStatus['state'] = 'running'
  #error: Error | undefined
  #drained: Promise<CloseResult> | undefined
  #leaving: Promise<void> | undefined
  #resolveClosed: (error: Error | undefined) => void = () => undefined
  readonly #closed: Promise<Error | undefined>

  constructor(consumption: Consumption, closeTimeoutMs: number, ended: () => void) {
    this.topic = consumption.topic.name
    this.group = consumption.group
    this.#consumption = consumption
    this.#closeTimeoutMs = closeTimeoutMs
    this.#ended = ended
    this.#closed = new Promise((resolve) => (this.#resolveClosed = resolve))
    this.engine = new ConsumeEngine(consumption, (error) => void this.#fail(error))
  }

  /** What ended before its consumer was there lets it go at once. */
  async open(consumer: TransportConsumer): Promise<void> {
    if (this.#leaving !== undefined) {
      await within(this.#consumption.clock, consumer.leave(), graceMs)
      return
    }
    this.#consumer = consumer
    this.engine.attach(consumer)
  }

  status(): SubscriptionStatus {
    return {
      topic: this.topic,
      group: this.group,
      state: this.#state,
      error: this.#error,
      ...this.engine.status(),
    }
  }

  async pause(): Promise<void> {
    if (this.#state === 'running') this.#state = 'paused'
    await this.engine.pause()
  }

  resume(): void {
    if (this.#state === 'paused') this.#state = 'running'
    this.engine.resume()
  }

  async skipTo(partition: number, position: number): Promise<void> {
    const consumer = this.#consumer
    if (!Number.isSafeInteger(position) || position < 0) {
      const problem: ConfigProblem = {
        code: 'CONFIG_INVALID',
        path: 'position',
        message: 'must be a whole number from 0',
      }
      throw new ConfigError('skipTo()', [problem])
    }
    if (!this.engine.holds(partition)) {
      const message = `Partition ${partition} of topic "${this.topic}" is not held by this member of "${this.group}"; call skipTo() on the one whose status() lists it.`
      throw new WaybillError({ code: 'PARTITION_NOT_HELD', message, details: { partition } })
    }
    if (consumer?.skipTo === undefined) {
      const message =
        'skipTo() needs a broker that has offsets; this one removes a message by itself once it is acknowledged.'
      throw new WaybillError({ code: 'CAPABILITY_MISSING', message })
    }
    await consumer.skipTo(partition, position)
  }

  /** Stops intake and waits for running handlers; nothing is acknowledged for good before `close`. */
  drain(timeoutMs: number): Promise<CloseResult> {
    if (this.#state !== 'failed') this.#state = 'closing'
    return (this.#drained ??= this.engine.drain(timeoutMs))
  }

  /** Acknowledges what finished and leaves the group. */
  leave(timeoutMs: number): Promise<void> {
    return (this.#leaving ??= this.#leave(timeoutMs))
  }

  async close(options: CloseOptions = {}): Promise<CloseResult> {
    const timeoutMs = closeTimeoutOf(options, this.#closeTimeoutMs)
    const { clock } = this.#consumption
    const until = clock.now() + timeoutMs
    const result = await this.drain(timeoutMs)
    await this.leave(timeoutMs === 0 ? 0 : until - clock.now() + graceMs)
    return result
  }

  closed(): Promise<Error | undefined> {
    return this.#closed
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  async #leave(timeoutMs: number): Promise<void> {
    const { clock } = this.#consumption
    const until = clock.now() + timeoutMs
    await this.engine.release(timeoutMs)
    const left = this.#consumer?.leave() ?? Promise.resolve()
    await within(clock, left, Math.max(0, until - clock.now()))
    if (this.#state !== 'failed') this.#state = 'closed'
    this.#ended()
    this.#resolveClosed(this.#error)
  }

  async #fail(error: WaybillError): Promise<void> {
    this.#error = error
    this.#state = 'failed'
    const subject = `subscription ${this.topic} of ${this.group}`
    this.#consumption.report.note({
      code: error.code,
      subject,
      message: `It has ended: ${error.message}`,
      details: error.details,
    })
    await this.close({ timeoutMs: 0 })
  }
}
