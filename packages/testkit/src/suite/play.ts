import type { Case } from './case.js'
import type { OutageCase } from './cases/outage.js'
import type { Scene } from './scene.js'

/** Cases that share their waiting: `start` begins them all, each `result` is one of them. */
export interface Play {
  readonly start: () => Promise<void>
  readonly cases: readonly { readonly name: string; readonly result: () => Promise<void> }[]
}

/** Plays cases side by side, so many at once. */
export function playAtOnce(cases: readonly Case[], scene: () => Scene, limit: number): Play {
  const results: Promise<void>[] = []
  return {
    async start() {
      const slot = slots(limit)
      for (const entry of cases) {
        const result = slot(() => onScene(scene(), (stage) => entry.play(stage)))
        result.catch(() => undefined)
        results.push(result)
      }
    },
    cases: cases.map(({ name }, index) => ({ name, result: async () => results[index] })),
  }
}

/** Plays cases side by side around one outage, from `begin` to `end`. One that fails leaves; the others play on. */
export function playThroughOutage(
  cases: readonly OutageCase[],
  scene: () => Scene,
  begin: () => Promise<void>,
  end: () => Promise<void>,
): Play {
  const results: Promise<void>[] = []
  const dead = barrier(cases.length, begin)
  const back = barrier(cases.length, end)
  const play = async (entry: OutageCase, stage: Scene): Promise<void> => {
    const steps = entry.play(stage)
    const passed = new Set<Barrier>()
    try {
      for (const point of [dead, back]) {
        await steps.next()
        passed.add(point)
        await point.arrive()
      }
      await steps.next()
    } finally {
      for (const point of [dead, back]) if (!passed.has(point)) point.arrive().catch(() => undefined)
    }
  }
  return {
    async start() {
      for (const entry of cases) {
        const result = onScene(scene(), (stage) => play(entry, stage))
        result.catch(() => undefined)
        results.push(result)
      }
    },
    cases: cases.map(({ name }, index) => ({ name, result: async () => results[index] })),
  }
}

async function onScene(scene: Scene, play: (scene: Scene) => Promise<void>): Promise<void> {
  try {
    await play(scene)
  } finally {
    await scene.end()
  }
}

/** Runs tasks, at most `limit` at once, in the order in which they came. */
function slots(limit: number): (task: () => Promise<void>) => Promise<void> {
  const waiting: (() => void)[] = []
  let free = limit
  return async (task) => {
    if (free > 0) free -= 1
    else await new Promise<void>((resolve) => waiting.push(resolve))
    try {
      await task()
    } finally {
      const next = waiting.shift()
      if (next === undefined) free += 1
      else next()
    }
  }
}

interface Barrier {
  /** Resolves when all have arrived and what they waited for was done. */
  arrive(): Promise<void>
}

function barrier(count: number, then: () => Promise<void>): Barrier {
  let missing = count
  let done: (result: Promise<void>) => void = () => undefined
  const passed = new Promise<void>((resolve) => (done = resolve))
  return {
    arrive() {
      missing -= 1
      if (missing === 0) done(then())
      return passed
    },
  }
}
