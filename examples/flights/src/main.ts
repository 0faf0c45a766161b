// Ctrl-C needs no handler: children end when their parent does, and so do brokers that it started.
import type { Cast } from './cast.js'
import { loadFlights, type Flight } from './flights.js'
import { FoldDatabase } from './fold-table.js'
import { InProcessCast } from './in-process.js'
import { readOptions, type Options } from './options.js'
import { ProcessCast } from './processes.js'
import { describe, isPerfect, resultOf } from './report.js'
import { play } from './scenario.js'
import { Screen } from './screen.js'
import { startBroker, type StartedBroker } from './start-broker.js'
import { flightsTopic, type Group } from './topic.js'

/** How fast flights are published: a pace that two cores and a broker on them can keep. */
const perSecond = { '20k': 2_500, '200k': 4_000 } as const

async function main(options: Options): Promise<number> {
  const flights = await loadFlights(options.records)
  const databases = { statistics: new FoldDatabase(), archive: new FoldDatabase() }
  const broker =
    options.transport === 'memory' ? undefined : await startBroker(options.transport, options.external)
  const cast = castFor(options, broker, flights, databases)
  const screen = new Screen(flights.length, databases)
  try {
    screen.say(
      `${flights.length.toLocaleString('en-US')} real flights through ${broker?.name ?? 'memory, in this process'}`,
    )
    const published = await play(cast, databases, flights.length, screen)
    const results = {
      statistics: resultOf(databases.statistics, flights, published),
      archive: resultOf(databases.archive, flights, published),
    }
    screen.say(describe(results))
    return Object.values(results).every(isPerfect) ? 0 : 1
  } finally {
    screen.end()
    await cast.end()
    await broker?.stop()
  }
}

function castFor(
  { records }: Options,
  broker: StartedBroker | undefined,
  flights: readonly Flight[],
  databases: Readonly<Record<Group, FoldDatabase>>,
): Cast {
  const pace = perSecond[records]
  return broker === undefined
    ? new InProcessCast({ topic: flightsTopic('flights'), flights, perSecond: pace }, databases)
    : new ProcessCast({ broker, topic: broker.topic, records, perSecond: pace }, databases)
}

const options = readOptions(process.argv.slice(2))
if ('text' in options) {
  console.log(options.text)
  process.exitCode = options.exitCode
} else {
  main(options).then(
    (exitCode) => (process.exitCode = exitCode),
    (error: unknown) => {
      console.error(error)
      process.exitCode = 1
    },
  )
}
