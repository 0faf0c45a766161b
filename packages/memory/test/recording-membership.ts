import type {
  Assignment,
  IncomingBatch,
  IncomingRecord,
  Membership,
  PartitionEpoch,
  WaybillError,
} from '@waybill/core/spi'

/** Notes what a driver tells its member. Give `letGo` to decide when a revoked partition is free. */
export class RecordingMembership implements Membership {
  readonly held: Map<number, Assignment> = new Map()
  readonly received: IncomingRecord[] = []
  readonly told: string[] = []
  readonly #letGo: (list: readonly PartitionEpoch[]) => Promise<void>
  readonly #onRecords: (partition: number, epoch: number, batch: IncomingBatch) => void

  constructor(
    letGo: (list: readonly PartitionEpoch[]) => Promise<void> = async () => undefined,
    onRecords: (partition: number, epoch: number, batch: IncomingBatch) => void = () => undefined,
  ) {
    this.#letGo = letGo
    this.#onRecords = onRecords
  }

  get partitions(): readonly number[] {
    return [...this.held.keys()].toSorted((a, b) => a - b)
  }

  get bodies(): readonly string[] {
    return this.received.map(({ body }) => (body === null ? 'null' : Buffer.from(body).toString()))
  }

  assigned(list: readonly Assignment[]): void {
    for (const assignment of list) {
      this.told.push(`assigned ${assignment.partition}`)
      this.held.set(assignment.partition, assignment)
    }
  }

  async revoking(list: readonly PartitionEpoch[]): Promise<void> {
    for (const { partition } of list) this.told.push(`revoking ${partition}`)
    await this.#letGo(list)
    for (const { partition } of list) this.held.delete(partition)
  }

  lost(list: readonly PartitionEpoch[]): void {
    for (const { partition } of list) {
      this.told.push(`lost ${partition}`)
      this.held.delete(partition)
    }
  }

  records(partition: number, epoch: number, batch: IncomingBatch): void {
    this.received.push(...batch.records)
    this.#onRecords(partition, epoch, batch)
  }

  failed(error: WaybillError): void {
    this.told.push(`failed ${error.code}`)
  }
}
