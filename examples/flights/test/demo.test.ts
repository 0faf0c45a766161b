import { loadFlights, type Flight } from '../src/flights.js'
import { FoldDatabase } from '../src/fold-table.js'
import { emptyFold, foldByAirport, withFlight } from '../src/fold.js'
import { InProcessCast } from '../src/in-process.js'
import { machineClockMs } from '../src/machine-clock.js'
import { readOptions } from '../src/options.js'
import { describe as describeResults, isPerfect, resultOf } from '../src/report.js'
import { play } from '../src/scenario.js'
import { flightsTopic } from '../src/topic.js'

const silent = { say: () => undefined, published: () => undefined }

function finished(row: number, flight: Flight, startedAtMs: number = machineClockMs()) {
  return { id: `row-${row}`, flight, startedAtMs, publishedAtMs: Date.now() }
}

describe('the flights demo', () => {
  let flights: readonly Flight[]
  beforeAll(async () => {
    flights = (await loadFlights('20k')).slice(0, 3_000)
  })

  it('arrives at the folds of the file although a member is killed and another joins', async () => {
    const databases = { statistics: new FoldDatabase(), archive: new FoldDatabase() }
    const cast = new InProcessCast({ topic: flightsTopic('flights'), flights, perSecond: 3_000 }, databases)
    const published = await play(cast, databases, flights.length, silent)
    await cast.end()
    const result = resultOf(databases.statistics, flights, published)
    expect(result).toMatchObject({ published: 3_000, handled: 3_000, lost: 0, outOfOrder: 0, overlapping: 0 })
    expect(result.identical).toBe(result.airports)
    expect(isPerfect(resultOf(databases.archive, flights, published))).toBe(true)
  }, 30_000)

  it('sees a flight that is missing, and one that is out of order', () => {
    const database = new FoldDatabase()
    const [first, second, ...rest] = flights.map((flight, row) =>
      finished(row, { ...flight, origin: 'ORD' }),
    ) as [ReturnType<typeof finished>, ReturnType<typeof finished>, ...ReturnType<typeof finished>[]]
    for (const each of [second, first, ...rest.slice(1)])
      database.add({ ...each, startedAtMs: machineClockMs() })
    const all = flights.map((flight) => ({ ...flight, origin: 'ORD' }))
    const result = resultOf(database, all, all.length)
    expect(result).toMatchObject({ lost: 1, outOfOrder: 1, airports: 1, identical: 0 })
    expect(describeResults({ statistics: result, archive: result })).toContain(
      'NOT as promised: statistics and archive',
    )
  })

  it('folds a flight once, and counts the second time', () => {
    const database = new FoldDatabase()
    expect(database.add(finished(0, flights[0]!))).toBe('added')
    expect(database.add(finished(0, flights[0]!))).toBe('duplicate')
    expect(database.fold(flights[0]!.origin)).toEqual(withFlight(emptyFold, flights[0]!))
    expect(database.observations).toMatchObject({ handled: 1, duplicates: 1, outOfOrder: 0, overlapping: 0 })
  })

  it('sees a handler that started before the one before it had ended', () => {
    const database = new FoldDatabase()
    const startedAtMs = machineClockMs()
    database.add(finished(0, flights[0]!, startedAtMs))
    database.add(finished(1, flights[0]!, startedAtMs))
    expect(database.observations.overlapping).toBe(1)
  })

  it('depends on the order of flights', () => {
    const hashes = [flights, flights.toReversed()].map((list) => foldByAirport(list).get('DFW')!.hash)
    expect(new Set(hashes).size).toBe(2)
  })

  it('says what the command line may be', () => {
    expect(readOptions([])).toEqual({ transport: 'memory', records: '20k', external: false })
    expect(readOptions(['--transport', 'kafka', '--records=200k', '--external'])).toEqual({
      transport: 'kafka',
      records: '200k',
      external: true,
    })
    expect(readOptions(['--help'])).toMatchObject({ exitCode: 0 })
    for (const wrong of [['--transport', 'pigeon'], ['--records'], ['--fast'], ['20k']]) {
      expect(readOptions(wrong)).toMatchObject({ exitCode: 2 })
    }
  })
})
