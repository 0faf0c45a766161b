import { once } from 'node:events'
import type { Socket } from 'node:net'
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises'

/** What a pipe does to the bytes of one direction; read again for every chunk. */
export interface Weather {
  latencyMs: number
  /** Resolves when bytes may pass: at once, or when the black hole is over. */
  clear: () => Promise<void>
  /** Largest piece written at once; `undefined`: as they come. */
  sliceBytes: number | undefined
}

const MAX_QUEUED_BYTES = 1_048_576

/** One direction of a connection. Order is kept, whatever the weather. */
export class Pipe {
  readonly #from: Socket
  readonly #to: Socket
  readonly #weather: Weather
  #queuedBytes = 0
  #last: Promise<void> = Promise.resolve()

  constructor(from: Socket, to: Socket, weather: Weather) {
    this.#from = from
    this.#to = to
    this.#weather = weather
  }

  push(bytes: Buffer): void {
    this.#queuedBytes += bytes.length
    if (this.#queuedBytes > MAX_QUEUED_BYTES) this.#from.pause()
    this.#enqueue(async () => {
      await this.#write(bytes)
      this.#queuedBytes -= bytes.length
      this.#from.resume()
    })
  }

  /** Passes the end of the connection on, after everything before it. */
  end(how: (to: Socket) => void): void {
    this.#enqueue(async () => {
      how(this.#to)
    })
  }

  #enqueue(step: () => Promise<void>): void {
    const due = performance.now() + this.#weather.latencyMs
    this.#last = this.#last.then(async () => {
      const wait = due - performance.now()
      if (wait > 0) await sleep(wait)
      await this.#weather.clear()
      if (!this.#to.destroyed) await step()
    })
  }

  async #write(bytes: Buffer): Promise<void> {
    const size = this.#weather.sliceBytes ?? bytes.length
    for (let at = 0; at < bytes.length && !this.#to.destroyed; at += size) {
      const flushed = this.#to.write(bytes.subarray(at, at + size))
      if (!flushed)
        await Promise.race([once(this.#to, 'drain'), once(this.#to, 'close')]).catch(() => undefined)
      if (size < bytes.length) await nextTurn()
    }
  }
}
