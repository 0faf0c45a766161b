import { randomUUID } from 'node:crypto'
import type { AnyTopic, Bus, Handler, InputOf, PublishOptions, PublishOutcome, Receipt } from '@waybill/core'
import type { Journal } from './journal.js'

/** Publishes and handles like the real thing, and notes it in a journal. */
export interface Recorder {
  publish<T extends AnyTopic>(
    bus: Bus,
    topic: T,
    value: InputOf<T>,
    options?: PublishOptions,
  ): Promise<Receipt>
  /** Wraps a handler; its result and its errors stay what they are. */
  handler<T>(handler: Handler<T>): Handler<T>
}

export function createRecorder(journal: Journal): Recorder {
  let runs = 0
  return {
    publish(bus, topic, value, options = {}) {
      const id = options.id ?? randomUUID()
      // A topic of any type takes no value that the compiler could know.
      const keyOf = topic.key as ((value: unknown) => string | undefined) | undefined
      const key = options.key ?? keyOf?.(value)
      const settled = (outcome: PublishOutcome['status']): void =>
        journal.note({ type: 'settled', topic: topic.name, id, outcome })
      journal.note({ type: 'publishing', topic: topic.name, id, key })
      return bus.publish(topic, value, { ...options, id }).then(
        (receipt) => {
          settled('stored')
          return receipt
        },
        (error: unknown) => {
          settled(isUnknown(error) ? 'unknown' : 'rejected')
          throw error
        },
      )
    },
    handler: (handler) => async (message) => {
      const run = (runs += 1)
      const { topic, group, id, key } = message
      const note = (ok: boolean): void => journal.note({ type: 'ended', run, ok })
      journal.note({ type: 'started', topic, group, id, key, run })
      message.signal.addEventListener('abort', () => journal.note({ type: 'aborted', run }))
      try {
        const result = await handler(message)
        note(true)
        return result
      } catch (error) {
        note(false)
        throw error
      }
    },
  }
}

function isUnknown(error: unknown): boolean {
  return typeof error === 'object' && error !== null && 'outcome' in error && error.outcome === 'unknown'
}
