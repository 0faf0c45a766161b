/**
 * How far a partition is done, as the broker keeps it beside the position: which messages at or
 * above it are finished, and how often the unfinished ones were tried.
 */
export interface ProgressRecord {
  /** The position it belongs to. */
  readonly base: number
  /** The log it belongs to; another one means that the topic was made anew. */
  readonly logId: string
  /** Unfinished and finished positions in turn, from `base`: `[2, 3, 1]` is 2 unfinished, 3 finished, 1 unfinished. */
  readonly runs: readonly number[]
  /** Handler starts of unfinished messages that have had any. */
  readonly attempts: ReadonlyMap<number, number>
}

const version = 'w1:'

/**
 * One line of ASCII of at most `maxBytes`: `w1:` and base64url of varints. What does not fit is left
 * out from the end; leaving out may repeat a message, never skip one.
 */
export function encodeProgress(
  record: ProgressRecord,
  maxBytes: number,
): { readonly text: string; readonly complete: boolean } {
  const room = Math.floor(((maxBytes - version.length) * 3) / 4)
  const bytes: number[] = []
  const id = Buffer.from(record.logId)
  putVarint(bytes, record.base)
  putVarint(bytes, id.length)
  bytes.push(...id)
  const runs = fitting(
    record.runs.length - (record.runs.length % 2),
    (i) => [record.runs[i]!],
    room - bytes.length,
  )
  putVarint(bytes, runs.count)
  bytes.push(...runs.bytes)
  const tried = [...record.attempts].sort(([a], [b]) => a - b)
  const attempts = fitting(
    tried.length,
    (i) => [tried[i]![0] - (tried[i - 1]?.[0] ?? record.base), tried[i]![1]],
    room - bytes.length,
  )
  putVarint(bytes, attempts.count)
  bytes.push(...attempts.bytes)
  const complete = runs.count >= record.runs.length - (record.runs.length % 2)
  return { text: version + Buffer.from(bytes).toString('base64url'), complete }
}

/** The record in `text`, or why it is none. */
export function decodeProgress(text: string): ProgressRecord | string {
  if (!text.startsWith(version)) return 'it is of another version, or not of Waybill'
  const bytes = Buffer.from(text.slice(version.length), 'base64url')
  let at = 0
  const next = (): number => {
    let value = 0
    for (let scale = 1; ; scale *= 128) {
      const byte = bytes[at++]
      if (byte === undefined) throw new RangeError('it ends early')
      value += (byte & 127) * scale
      if (!Number.isSafeInteger(value)) throw new RangeError('it has a number that is too large')
      if (byte < 128) return value
    }
  }
  try {
    const base = next()
    const idLength = next()
    const logId = bytes.toString('utf8', at, (at += idLength))
    const runs = Array.from({ length: bounded(next(), bytes.length) }, next)
    const attempts = new Map<number, number>()
    let position = base
    for (let count = bounded(next(), bytes.length); count > 0; count--) {
      position += next()
      attempts.set(position, next())
    }
    return at === bytes.length ? { base, logId, runs, attempts } : 'it has bytes after its end'
  } catch (error) {
    return error instanceof RangeError ? error.message : String(error)
  }
}

function bounded(count: number, max: number): number {
  if (count > max) throw new RangeError('it counts more than it holds')
  return count
}

/** As many whole items as fit into `room` bytes, two kept for the count itself. */
function fitting(
  length: number,
  item: (index: number) => readonly number[],
  room: number,
): { count: number; bytes: number[] } {
  const bytes: number[] = []
  let count = 0
  let used = 0
  for (let i = 0; i < length; i++) {
    for (const value of item(i)) putVarint(bytes, value)
    if (bytes.length > room - 6) break
    used = bytes.length
    count = i + 1
  }
  return { count, bytes: bytes.slice(0, used) }
}

function putVarint(bytes: number[], value: number): void {
  let rest = value
  while (rest > 127) {
    bytes.push((rest % 128) | 128)
    rest = Math.floor(rest / 128)
  }
  bytes.push(rest)
}
