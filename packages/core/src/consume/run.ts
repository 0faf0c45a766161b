import { applicationHeaders } from '../message/headers.js'
import { bodyOf } from '../message/decode.js'
import type { Message } from '../message/message.js'
import type { RawHeader } from '../transport/record.js'
import type { Delivery } from './delivery.js'

/** One run of a handler for one message. */
export class Run {
  readonly delivery: Delivery
  readonly startedAt: number
  isOver = false
  isLate = false
  #controller: AbortController | undefined
  #reason: Error | undefined

  constructor(delivery: Delivery, startedAt: number) {
    this.delivery = delivery
    this.startedAt = startedAt
  }

  // Made on first access: most handlers never look, and it costs more than the rest of a run.
  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController()
      if (this.#reason !== undefined) this.#controller.abort(this.#reason)
    }
    return this.#controller.signal
  }

  abort(reason: Error): void {
    this.#reason ??= reason
    this.#controller?.abort(this.#reason)
  }
}

/** What a handler sees of a delivery. */
export class ReceivedMessage implements Message<unknown> {
  readonly id: string
  readonly value: unknown
  readonly topic: string
  readonly group: string
  readonly partition: number
  readonly position: number | undefined
  readonly attempt: number
  readonly republished: boolean
  readonly #run: Run
  #headers: Readonly<Record<string, string>> | undefined

  constructor(run: Run, value: unknown, source: { topic: string; group: string; stablePositions: boolean }) {
    const { delivery } = run
    this.#run = run
    this.value = value
    this.topic = source.topic
    this.group = source.group
    this.partition = delivery.holding.partition
    this.position = source.stablePositions ? delivery.position : undefined
    this.id =
      delivery.id ?? (this.position === undefined ? '' : `${source.topic}/${this.partition}/${this.position}`)
    this.attempt = delivery.attempts
    this.republished = delivery.republished
  }

  get key(): string | undefined {
    return this.#run.delivery.key
  }

  get keyBytes(): Uint8Array | null {
    return this.#run.delivery.record.key
  }

  get bytes(): Uint8Array | null {
    return bodyOf(this.#run.delivery.record)
  }

  get headers(): Readonly<Record<string, string>> {
    return (this.#headers ??= applicationHeaders(this.rawHeaders))
  }

  get rawHeaders(): readonly RawHeader[] {
    return this.#run.delivery.record.rawHeaders
  }

  get time(): Date {
    return new Date(this.#run.delivery.record.attributes.timeMs ?? 0)
  }

  get signal(): AbortSignal {
    return this.#run.signal
  }
}
