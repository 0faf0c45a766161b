import { connect, type Bus } from '@waybill/core'
import { memory, memoryBroker } from '@waybill/memory'
import type { Actor, Cast } from './cast.js'
import type { Flight } from './flights.js'
import type { FoldDatabase, FoldTable } from './fold-table.js'
import { joinGroup } from './member.js'
import { publishFlights } from './publisher.js'
import type { flightsTopic, Group } from './topic.js'

export interface InProcessOptions {
  readonly topic: ReturnType<typeof flightsTopic>
  readonly flights: readonly Flight[]
  readonly perSecond: number
}

/** Everybody in this process, each with a bus of its own, on one memory broker. */
export class InProcessCast implements Cast {
  readonly failed: Promise<never>
  readonly #broker = memoryBroker()
  readonly #buses = new Set<Bus>()
  readonly #options: InProcessOptions
  readonly #databases: Readonly<Record<Group, FoldDatabase>>
  #fail: (error: Error) => void = () => undefined

  constructor(options: InProcessOptions, databases: Readonly<Record<Group, FoldDatabase>>) {
    this.#options = options
    this.#databases = databases
    this.failed = new Promise((_, reject) => (this.#fail = reject))
    // Whoever waits sees it; while nobody does, it is kept.
    this.failed.catch(() => undefined)
  }

  async join(group: Group, name: string): Promise<Actor> {
    const transport = memory({ broker: this.#broker })
    const access = new Access(this.#databases[group])
    const bus = await joinGroup(transport, this.#options.topic, group, access)
    this.#watch(bus, access)
    return {
      name,
      group,
      kill: async () => {
        access.isCut = true
        this.#broker.crash(transport)
        await bus.closed()
      },
      leave: async () => void (await bus.close()),
    }
  }

  async publish(published: (count: number) => void): Promise<void> {
    const { topic, flights, perSecond } = this.#options
    await using bus = await connect({ transport: memory({ broker: this.#broker }) })
    await publishFlights(bus, topic, flights, perSecond, published)
  }

  async end(): Promise<void> {
    await Promise.all([...this.#buses].map((bus) => bus.close({ timeoutMs: 0 })))
  }

  #watch(bus: Bus, access: Access): void {
    this.#buses.add(bus)
    void bus.closed().then((error) => {
      this.#buses.delete(bus)
      if (error !== undefined && !access.isCut) this.#fail(error)
    })
  }
}

/** One member's connection to the database, which is cut when the member is killed. */
class Access implements FoldTable {
  readonly #database: FoldDatabase
  isCut = false

  constructor(database: FoldDatabase) {
    this.#database = database
  }

  async add(finished: Parameters<FoldTable['add']>[0]): ReturnType<FoldTable['add']> {
    if (this.isCut) throw new Error('this member was killed')
    return this.#database.add(finished)
  }
}
