import type { Entry } from './entry.js'

/**
 * Which of these entries, in call order and all landed, may go again without overtaking: an entry
 * whose key has a later message stored has lost its place, so it is settled as what it is.
 */
export function orderSafe(entries: readonly Entry[]): Entry[] {
  const overtaken = new Set<string>()
  const safe: Entry[] = []
  for (const entry of entries.toReversed()) {
    if (entry.isStored) {
      if (entry.orderKey !== undefined) overtaken.add(entry.orderKey)
    } else if (entry.isSettled) {
      continue
    } else if (entry.orderKey !== undefined && overtaken.has(entry.orderKey)) {
      entry.giveUp(
        'NOT_STORED_EVERYWHERE',
        'later messages of its key are stored, so sending it again would break their order. republish() does it all the same.',
      )
    } else {
      safe.push(entry)
    }
  }
  return safe.reverse()
}
