import { setImmediate } from 'node:timers/promises'
import { ConnectionError, WaybillError } from '@waybill/core/spi'
import type { Batch, Outcome, TransportPublisher } from '@waybill/core/spi'
import type { Broker } from './broker.js'
import type { Connection } from './connection.js'
import { toStored } from './log.js'

type Answer =
  | { readonly status: 'stored'; readonly first: number }
  | Exclude<Outcome, { readonly status: 'stored' }>

export class MemoryPublisher implements TransportPublisher {
  readonly #broker: Broker
  readonly #connection: Connection
  readonly #inFlight = new Set<Promise<unknown>>()
  // As an idempotent producer: a batch that comes again keeps its place.
  readonly #stored = new WeakMap<Batch, Answer>()

  constructor(broker: Broker, connection: Connection) {
    this.#broker = broker
    this.#connection = connection
  }

  async send(batch: Batch, signal: AbortSignal): Promise<readonly Outcome[]> {
    const sending = this.#send(batch, signal)
    this.#inFlight.add(sending)
    const answer = await sending
    this.#inFlight.delete(sending)
    return batch.records.map((_, index) =>
      answer.status === 'stored' ? { status: 'stored', position: answer.first + index } : answer,
    )
  }

  abandon(batch: Batch): void {
    this.#stored.delete(batch)
  }

  async close(): Promise<void> {
    await Promise.all(this.#inFlight)
  }

  async #send(batch: Batch, signal: AbortSignal): Promise<Answer> {
    await setImmediate()
    if (!(await this.#connection.whenUp(signal))) return { status: 'rejected', error: notSent(batch) }
    const fault = this.#broker.faults.nextPublish()
    switch (fault?.kind) {
      case 'reject':
        return { status: 'rejected', error: refused(batch) }
      case 'lose-request':
        return { status: 'unknown', error: unanswered(batch) }
      case 'lose-response':
        this.#store(batch)
        return { status: 'unknown', error: unanswered(batch) }
      case 'delay':
        return this.#storeLater(batch, fault.delayMs, signal)
      default:
        return this.#store(batch)
    }
  }

  #storeLater(batch: Batch, delayMs: number, signal: AbortSignal): Promise<Answer> {
    return new Promise((resolve) => {
      const giveUp = (): void => resolve({ status: 'unknown', error: unanswered(batch) })
      signal.addEventListener('abort', giveUp, { once: true })
      this.#connection.context.clock.after(delayMs, () => {
        signal.removeEventListener('abort', giveUp)
        resolve(this.#store(batch))
      })
    })
  }

  #store(batch: Batch): Answer {
    const earlier = this.#stored.get(batch)
    if (earlier !== undefined) return earlier
    const topic = this.#broker.storage.topics.get(batch.topic)
    if (topic?.logs[batch.partition] === undefined) return { status: 'rejected', error: unroutable(batch) }
    const first = this.#broker.storage.append(topic, batch.partition, batch.records.map(toStored))
    if (typeof first !== 'number') return { status: 'rejected', error: first, wholeBatch: true }
    const answer = { status: 'stored', first } as const
    this.#stored.set(batch, answer)
    return answer
  }
}

const name = ({ topic, partition }: Batch): string => `A batch for partition ${partition} of topic "${topic}"`

function notSent(batch: Batch): WaybillError {
  const message = `${name(batch)} was not sent: the memory broker is disconnected. Publish again when it is back.`
  return new ConnectionError({ code: 'CONNECTION_LOST', retryable: true, message })
}

function unanswered(batch: Batch): WaybillError {
  const message = `${name(batch)} was sent, and no answer came. It may be stored; the same message again has the same id.`
  return new ConnectionError({ code: 'CONNECTION_LOST', retryable: true, message })
}

function refused(batch: Batch): WaybillError {
  return new WaybillError({
    code: 'REJECTED_BY_BROKER',
    message: `${name(batch)} was refused, as a test asked for.`,
  })
}

function unroutable(batch: Batch): WaybillError {
  const message = `${name(batch)} has nowhere to go: the memory broker does not have that partition. Declare the topic first.`
  return new WaybillError({ code: 'UNROUTABLE', message })
}
