import { hasMark, republishedMark } from '../message/marks.js'
import type { IncomingRecord } from '../transport/record.js'
import type { Holding } from './holding.js'

/** One record that a member received in one holding of its partition. */
export class Delivery {
  readonly record: IncomingRecord
  readonly holding: Holding
  /** What serializes it: the key's bytes; without a key its id, so that twins meet; without both nothing. */
  readonly laneKey: string
  readonly arrivedAt: number
  readonly republished: boolean
  /** Handler starts so far, those of earlier holdings included where progress recorded them. */
  attempts: number
  isFinished = false

  constructor(record: IncomingRecord, holding: Holding, arrivedAt: number, attempts: number) {
    this.record = record
    this.holding = holding
    this.arrivedAt = arrivedAt
    this.attempts = attempts
    this.republished = hasMark(record.rawHeaders, republishedMark)
    const { key, attributes } = record
    if (key !== null)
      this.laneKey = `k${Buffer.from(key.buffer, key.byteOffset, key.byteLength).toString('latin1')}`
    else this.laneKey = attributes.id === undefined ? `p${record.position}` : `i${attributes.id}`
  }

  get position(): number {
    return this.record.position
  }

  get id(): string | undefined {
    return this.record.attributes.id
  }

  get key(): string | undefined {
    const { key } = this.record
    return key === null ? undefined : Buffer.from(key.buffer, key.byteOffset, key.byteLength).toString('utf8')
  }
}
