import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'

const folder = join(__dirname, '..', 'src')
const sources = readdirSync(folder).map((name) => ({ name, text: readFileSync(join(folder, name), 'utf8') }))

/** Calls that permute a queue's order, halt it, or hand out messages ahead of earlier ones. */
const forbidden = /\.\s*(nack|nackAll|reject|recover|cancel|ackAll)\s*\(/g
const harmless = /(Promise\s*\.\s*reject|[tT]imer\??\s*\.\s*cancel|retry\??\s*\.\s*cancel)\s*\(/g

describe('the source of the RabbitMQ driver', () => {
  it('never nacks, rejects, recovers or cancels: messages go back by closing their channel', () => {
    expect(sources.length).toBeGreaterThan(10)
    const calls = sources.flatMap(({ name, text }) =>
      (text.replace(harmless, '').match(forbidden) ?? []).map((call) => `${name}: ${call}`),
    )
    expect(calls).toEqual([])
  })

  it('would be caught if it did', () => {
    for (const call of [
      'channel.nack(message)',
      'this.#channel.reject(m, true)',
      'await channel.cancel(tag)',
    ]) {
      expect(call.replace(harmless, '')).toMatch(forbidden)
    }
  })
})
