import type { FoldDatabase } from './fold-table.js'
import { groups, type Group } from './topic.js'

const liveEveryMs = 100
const plainEveryMs = 2_000

const count = (value: number): string => value.toLocaleString('en-US')

/** Shows how far the demo is: one line that changes in a terminal, a line now and then elsewhere. */
export class Screen {
  readonly #isLive = process.stdout.isTTY
  readonly #total: number
  readonly #databases: Readonly<Record<Group, FoldDatabase>>
  readonly #timer: NodeJS.Timeout
  #published = 0

  constructor(total: number, databases: Readonly<Record<Group, FoldDatabase>>) {
    this.#total = total
    this.#databases = databases
    this.#timer = setInterval(() => this.#show(), this.#isLive ? liveEveryMs : plainEveryMs)
  }

  published(published: number): void {
    this.#published = published
  }

  /** Something happened. */
  say(line: string): void {
    this.#clear()
    process.stdout.write(`${line}\n`)
  }

  end(): void {
    clearInterval(this.#timer)
    this.#clear()
  }

  #show(): void {
    const handled = groups.map((group) => `${group} ${count(this.#databases[group].observations.handled)}`)
    const line = `  published ${count(this.#published)} of ${count(this.#total)}, handled: ${handled.join(', ')}`
    this.#clear()
    process.stdout.write(this.#isLive ? line : `${line}\n`)
  }

  #clear(): void {
    if (this.#isLive) process.stdout.write('\r\u001B[2K')
  }
}
