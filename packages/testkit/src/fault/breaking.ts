import type { Batch, Membership, OutgoingRecord, Transport, TransportPublisher } from '@waybill/core/spi'
import { wrapTransport } from './wrap-transport.js'

/** What a broken transport does wrong, to every so many records. */
export interface Breakage {
  /** Says "stored" of every n-th record, and never sends it. */
  readonly losesEvery?: number
  /** Stores every n-th record twice. */
  readonly doublesEvery?: number
  /** Sends the records of every batch in reverse. */
  readonly reorders?: boolean
  /** Delivers every record without its key, so that handlers of one key run at once. */
  readonly overlaps?: boolean
}

/**
 * A transport that breaks its promises: the negative control of the ledger. A test kit that finds nothing
 * wrong with it finds nothing.
 */
export function breaking(transport: Transport, breakage: Breakage): Transport {
  let records = 0
  const sent = new WeakMap<Batch, Batch>()

  const spoil = (batch: Batch): Batch => {
    const spoilt = batch.records.flatMap((record): OutgoingRecord[] => {
      records += 1
      if (isNth(records, breakage.losesEvery)) return []
      return isNth(records, breakage.doublesEvery) ? [record, record] : [record]
    })
    return { ...batch, records: breakage.reorders === true ? spoilt.reverse() : spoilt }
  }
  const publisher = (real: TransportPublisher): TransportPublisher => ({
    async send(batch, signal) {
      const spoilt = sent.get(batch) ?? spoil(batch)
      sent.set(batch, spoilt)
      const outcomes = spoilt.records.length === 0 ? [] : await real.send(spoilt, signal)
      const failed = outcomes.find((outcome) => outcome.status !== 'stored')
      return batch.records.map(() => failed ?? { status: 'stored' })
    },
    abandon: (batch) => real.abandon(sent.get(batch) ?? batch),
    close: () => real.close(),
  })
  const membership = (engine: Membership): Membership => ({
    assigned: (list) => engine.assigned(list),
    revoking: (list, deadlineMs) => engine.revoking(list, deadlineMs),
    lost: (list) => engine.lost(list),
    failed: (error) => engine.failed(error),
    records: (partition, epoch, batch) =>
      engine.records(partition, epoch, {
        ...batch,
        records: batch.records.map((record) =>
          breakage.overlaps === true ? { ...record, key: null } : record,
        ),
      }),
  })
  return wrapTransport(transport, { publisher, membership })
}

const isNth = (count: number, every: number | undefined): boolean =>
  every !== undefined && count % every === 0
