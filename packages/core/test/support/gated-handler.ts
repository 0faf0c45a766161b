import type { Message } from '../../src/index.js'

interface Gate {
  readonly message: Message<string>
  readonly resolve: () => void
  readonly reject: (error: unknown) => void
}

/** Runs until the test ends it. */
export class GatedHandler {
  /** Ids in the order of their starts. */
  readonly started: string[] = []
  readonly #running = new Map<string, Gate>()

  readonly handle = (message: Message<string>): Promise<void> =>
    new Promise((resolve, reject) => {
      this.started.push(message.id)
      this.#running.set(message.id, { message, resolve, reject })
    })

  get running(): string[] {
    return [...this.#running.keys()]
  }

  message(id: string): Message<string> {
    return this.#running.get(id)!.message
  }

  succeed(...ids: string[]): void {
    for (const id of ids) this.#take(id).resolve()
  }

  fail(id: string, error: unknown = new Error('as the test wants')): void {
    this.#take(id).reject(error)
  }

  #take(id: string): Gate {
    const gate = this.#running.get(id)
    if (gate === undefined) throw new Error(`${id} does not run`)
    this.#running.delete(id)
    return gate
  }
}
