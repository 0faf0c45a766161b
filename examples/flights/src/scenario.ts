import type { Cast } from './cast.js'
import type { FoldDatabase } from './fold-table.js'
import type { Screen } from './screen.js'
import { groups, type Group } from './topic.js'

const numbers = [1, 2, 3]
/** Longest that a group may stand still before the demo gives it up. */
const patienceMs = 60_000
const lookEveryMs = 20

/** Members join, flights are published, one member is killed in the middle, another joins. Returns how many were published. */
export async function play(
  cast: Cast,
  databases: Readonly<Record<Group, FoldDatabase>>,
  total: number,
  screen: Pick<Screen, 'say' | 'published'>,
): Promise<number> {
  const names = groups.flatMap((group) => numbers.map((number) => ({ group, name: `${group}-${number}` })))
  const members = await Promise.all(names.map(({ group, name }) => cast.join(group, name)))
  screen.say(`${members.length} members joined: ${members.map(({ name }) => name).join(', ')}`)

  let published = 0
  const publishing = cast.publish((count) => {
    published = count
    screen.published(count)
  })
  const failed = Promise.race([cast.failed, publishing.then(() => cast.failed)])
  const reached = (group: Group, share: number): Promise<void> =>
    Promise.race([untilHandled(databases[group], total * share), failed])

  await reached('statistics', 0.4)
  const victim = members.shift()!
  await victim.kill()
  screen.say(`${victim.name} was killed in the middle of its work`)

  await reached('statistics', 0.5)
  const newcomer = await cast.join('statistics', `statistics-${numbers.length + 1}`)
  screen.say(`${newcomer.name} joined`)

  await Promise.race([publishing, failed])
  await Promise.all(groups.map((group) => reached(group, 1)))
  await Promise.all([...members, newcomer].map((member) => member.leave()))
  return published
}

/** Resolves when a group has handled so many, or has stood still for too long. */
async function untilHandled({ observations }: FoldDatabase, count: number): Promise<void> {
  let seen = -1
  let sinceMs = performance.now()
  while (observations.handled < count && performance.now() - sinceMs < patienceMs) {
    if (observations.handled !== seen) {
      seen = observations.handled
      sinceMs = performance.now()
    }
    await new Promise((resolve) => setTimeout(resolve, lookEveryMs))
  }
}
