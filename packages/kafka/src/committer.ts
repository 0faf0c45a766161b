import type { CommittedOffset } from './client/kafka-client.js'

interface Waiting {
  readonly offset: CommittedOffset
  readonly resolve: () => void
  readonly reject: (error: unknown) => void
}

/** Joins the commits of several partitions that come at the same time into one request. */
export class Committer {
  readonly #commit: (offsets: ReadonlyMap<number, CommittedOffset>) => Promise<void>
  #waiting = new Map<number, Waiting>()
  #underWay = false

  constructor(commit: (offsets: ReadonlyMap<number, CommittedOffset>) => Promise<void>) {
    this.#commit = commit
  }

  /** Resolves when the broker has it. A newer commit of the partition takes the place of one that waits. */
  commit(partition: number, offset: CommittedOffset): Promise<void> {
    return new Promise((resolve, reject) => {
      const before = this.#waiting.get(partition)
      const both: Waiting = {
        offset,
        resolve: () => {
          before?.resolve()
          resolve()
        },
        reject: (error) => {
          before?.reject(error)
          reject(error)
        },
      }
      this.#waiting.set(partition, both)
      if (!this.#underWay) void this.#flush()
    })
  }

  async #flush(): Promise<void> {
    this.#underWay = true
    // What is committed in the same turn goes together.
    await Promise.resolve()
    while (this.#waiting.size > 0) {
      const batch = this.#waiting
      this.#waiting = new Map()
      try {
        await this.#commit(new Map([...batch].map(([partition, { offset }]) => [partition, offset])))
        for (const { resolve } of batch.values()) resolve()
      } catch (error) {
        for (const { reject } of batch.values()) reject(error)
      }
    }
    this.#underWay = false
  }
}
