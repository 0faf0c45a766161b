// The entry point of a publisher or member that is a process of its own.
import { connect } from '@waybill/core'
import { loadFlights } from './flights.js'
import type { FoldTable } from './fold-table.js'
import { joinGroup } from './member.js'
import type { FromProcess, Role, ToProcess } from './protocol.js'
import { publishFlights } from './publisher.js'
import { flightsTopic } from './topic.js'
import { transportTo } from './transport.js'

function say(message: FromProcess): void {
  process.send?.(message)
}

/** The database is in the process that started this one. */
function remoteFolds(): FoldTable {
  const waiting = new Map<number, (result: 'added' | 'duplicate') => void>()
  let number = 0
  process.on('message', (message: ToProcess) => {
    if (message.type !== 'added') return
    waiting.get(message.number)?.(message.result)
    waiting.delete(message.number)
  })
  return {
    add: (finished) =>
      new Promise((resolve) => {
        number += 1
        waiting.set(number, resolve)
        say({ type: 'add', number, finished })
      }),
  }
}

async function play(role: Role): Promise<void> {
  const topic = flightsTopic(role.topic)
  const transport = await transportTo(role.broker)
  if (role.is === 'publisher') {
    const flights = await loadFlights(role.records)
    await using bus = await connect({ transport })
    await publishFlights(bus, topic, flights, role.perSecond, (count) => say({ type: 'published', count }))
  } else {
    const told = new Promise<void>((resolve) => {
      process.on('message', (message: ToProcess) => {
        if (message.type === 'leave') resolve()
      })
    })
    await using bus = await joinGroup(transport, topic, role.group, remoteFolds())
    say({ type: 'joined' })
    const error = await Promise.race([told, bus.closed()])
    if (error !== undefined) throw error
  }
}

// Ctrl-C reaches every process of the terminal; the parent decides what becomes of it.
process.on('SIGINT', () => undefined)
process.on('disconnect', () => process.exit(1))
play(JSON.parse(process.argv[2] ?? '') as Role).then(
  () => {
    process.removeAllListeners('disconnect')
    process.send?.({ type: 'done' } satisfies FromProcess, () => process.disconnect())
  },
  (error: unknown) => {
    console.error(error)
    process.exit(1)
  },
)
