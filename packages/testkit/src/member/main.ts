import { createRequire } from 'node:module'
import { join } from 'node:path'
import type { Transport } from '@waybill/core'
import { fileJournal } from '../ledger/journal.js'
import { startMember } from './member.js'
import type { ProcessConfig, Reply, Request } from './protocol.js'

/** The number of the reply that says whether the member could start. */
const STARTED = 0

async function main(config: ProcessConfig): Promise<void> {
  const { module, export: name, options } = config.transport
  const load = createRequire(join(process.cwd(), 'member.js'))
  const exports = load(module) as Record<string, (options: unknown) => Transport>
  const create = exports[name]
  if (create === undefined) throw new Error(`${module} has no export ${name}`)
  const journal = fileJournal(config.name, config.journal)
  const member = await startMember(create(options), config.topic, config.member, journal)

  process.on('message', (request: Request) => {
    const result = request.call === 'status' ? member.status() : member.close(request.options)
    result.then(
      (value) => reply({ number: request.number, result: value }),
      (error: unknown) => reply({ number: request.number, error: String(error) }),
    )
  })
  reply({ number: STARTED, result: await member.status() })
}

function reply(message: Reply): void {
  process.send?.(message)
}

// Without its parent a member has no purpose.
process.on('disconnect', () => process.exit(1))
const [, , argument = ''] = process.argv
main(JSON.parse(argument) as ProcessConfig).catch((error: unknown) => {
  reply({ number: STARTED, error: error instanceof Error ? (error.stack ?? error.message) : String(error) })
  process.disconnect()
})
