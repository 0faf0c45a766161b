import { setImmediate } from 'node:timers'
import type { Assignment, PartitionEpoch, Progress } from '@waybill/core/spi'
import { place } from './placement.js'

/** A member of a group, as its broker sees it. */
export interface Member {
  assigned(list: readonly Assignment[]): void
  /** A partition it holds has new records. */
  wake(): void
  /** Resolves when the partition may go to somebody else. */
  revoking(held: PartitionEpoch): Promise<void>
}

interface Holding extends PartitionEpoch {
  readonly member: Member
  /** Its member has been asked to give it up. */
  revoking: boolean
}

interface Committed {
  readonly next: number
  readonly record?: string
}

/**
 * A durable group: what it has acknowledged of each partition, which outlives its members, and which
 * member holds which partition. Each partition moves by itself, once its holder has let go of it.
 */
export class Group {
  readonly #logId: string
  readonly #committed: Committed[]
  readonly #holdings: (Holding | undefined)[]
  #placement: (Member | undefined)[]
  #members: readonly Member[] = []
  #lastEpoch = 0

  /** `starts` has the position of each partition where the group begins. */
  constructor(logId: string, starts: readonly number[]) {
    this.#logId = logId
    this.#committed = starts.map((next) => ({ next }))
    this.#holdings = starts.map(() => undefined)
    this.#placement = starts.map(() => undefined)
  }

  committed(partition: number): number {
    return this.#committed[partition]!.next
  }

  /** The member that receives a partition now. */
  holder(partition: number): Member | undefined {
    const holding = this.#holdings[partition]
    return holding?.revoking === false ? holding.member : undefined
  }

  holds(partition: number, epoch: number): boolean {
    return this.#holdings[partition]?.epoch === epoch
  }

  commit(partition: number, { next, record }: Progress): void {
    this.#committed[partition] = { next, record }
  }

  join(member: Member): void {
    this.#place([...this.#members, member])
  }

  heldBy(member: Member): readonly PartitionEpoch[] {
    return this.#holdings.flatMap((holding) =>
      holding?.member === member ? [{ partition: holding.partition, epoch: holding.epoch }] : [],
    )
  }

  /** Gives up all that the member holds, at once. */
  leave(member: Member): void {
    for (const { partition } of this.heldBy(member)) this.#holdings[partition] = undefined
    this.#place(this.#members.filter((other) => other !== member))
  }

  #place(members: readonly Member[]): void {
    this.#members = members
    this.#placement = place(members, this.#placement)
    setImmediate(() => this.#settle())
  }

  /** Brings what members hold nearer to the placement: frees what has to move, assigns what is free. */
  #settle(): void {
    const assigned = new Map<Member, Assignment[]>()
    for (const [partition, member] of this.#placement.entries()) {
      const holding = this.#holdings[partition]
      if (holding === undefined && member !== undefined) {
        const list = assigned.get(member) ?? []
        assigned.set(member, [...list, this.#assign(partition, member)])
      } else if (holding !== undefined && holding.member !== member && !holding.revoking) {
        void this.#revoke(holding)
      }
    }
    for (const [member, list] of assigned) member.assigned(list)
  }

  #assign(partition: number, member: Member): Assignment {
    const epoch = ++this.#lastEpoch
    this.#holdings[partition] = { partition, epoch, member, revoking: false }
    const { next, record } = this.#committed[partition]!
    return {
      partition,
      epoch,
      position: next,
      logId: this.#logId,
      ...(record === undefined ? {} : { record }),
    }
  }

  async #revoke(holding: Holding): Promise<void> {
    holding.revoking = true
    await holding.member.revoking({ partition: holding.partition, epoch: holding.epoch })
    if (this.#holdings[holding.partition] !== holding) return
    this.#holdings[holding.partition] = undefined
    setImmediate(() => this.#settle())
  }
}
