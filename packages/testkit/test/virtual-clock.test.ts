import { createVirtualClock } from '../src/index.js'

describe('createVirtualClock', () => {
  it('runs timers in the order of their times, and of their calls within one', async () => {
    const clock = createVirtualClock()
    const ran: string[] = []
    clock.after(20, () => ran.push(`c ${clock.now()}`))
    clock.after(10, () => ran.push(`a ${clock.now()}`))
    clock.after(10, () => ran.push(`b ${clock.now()}`))
    await clock.advance(19)
    expect(ran).toEqual(['a 10', 'b 10'])
    expect(clock.pending).toBe(1)
    await clock.advance(1)
    expect(ran).toEqual(['a 10', 'b 10', 'c 20'])
  })

  it('lets promises settle between two timers', async () => {
    const clock = createVirtualClock()
    const ran: string[] = []
    const sleep = (ms: number): Promise<void> => new Promise((resolve) => void clock.after(ms, resolve))
    clock.after(15, () => ran.push('timer'))
    const chain = (async () => {
      await sleep(10)
      ran.push('first')
      await sleep(3)
      ran.push('second')
    })()
    await clock.advance(20)
    await chain
    expect(ran).toEqual(['first', 'second', 'timer'])
  })

  it('does not run what was cancelled, and moves wall time as well', async () => {
    const clock = createVirtualClock(1_000)
    const task = jest.fn()
    clock.after(5, task).cancel()
    await clock.advance(10)
    expect(task).not.toHaveBeenCalled()
    expect([clock.now(), clock.wallMs()]).toEqual([10, 1_010])
  })
})
