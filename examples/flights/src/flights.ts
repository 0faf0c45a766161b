import { readFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'

/** One flight: data of the US Bureau of Transportation Statistics, in the npm package `vega-datasets`. */
export interface Flight {
  /** Scheduled departure, as `2001/01/01 00:47`. */
  readonly date: string
  /** Minutes late on arrival; below zero is early. */
  readonly delay: number
  /** Miles. */
  readonly distance: number
  readonly origin: string
  readonly destination: string
}

export type Size = '20k' | '200k'

const dataFolder = join(dirname(require.resolve('vega-datasets')), '..', 'data')

/** The flights of one file, in time order. */
export async function loadFlights(size: Size): Promise<readonly Flight[]> {
  if (size === '20k') {
    return JSON.parse(await readFile(join(dataFolder, 'flights-20k.json'), 'utf8')) as readonly Flight[]
  }
  const [{ asyncBufferFromFile, parquetReadObjects }, { decompress }] = await Promise.all([
    import('hyparquet'),
    import('fzstd'),
  ])
  // flights-200k.json names no airports, so the first 200,000 of the file with three million are taken.
  const rows = await parquetReadObjects({
    file: await asyncBufferFromFile(join(dataFolder, 'flights-3m.parquet')),
    rowEnd: 200_000,
    compressors: { ZSTD: (input) => decompress(input) },
  })
  return rows.map((row) => ({
    date: (row['date'] as Date).toISOString().slice(0, 16).replaceAll('-', '/').replace('T', ' '),
    delay: Number(row['delay']),
    distance: Number(row['distance']),
    origin: String(row['origin']),
    destination: String(row['destination']),
  }))
}
