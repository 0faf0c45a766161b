import { createVirtualClock } from '@waybill/testkit'
import { ConfirmDeadline } from '../src/confirm-deadline.js'

describe('the deadline of confirms', () => {
  const watched = () => {
    const clock = createVirtualClock()
    const expired: number[] = []
    const deadline = new ConfirmDeadline(clock, 6_000, (stuckMs) => expired.push(stuckMs))
    return { clock, deadline, expired }
  }

  it('passes when one partition stands still, though others go on', async () => {
    const { clock, deadline, expired } = watched()
    const stuck = deadline.lane('orders', 0)
    const busy = deadline.lane('orders', 1)
    deadline.sent(stuck, 100)
    for (let second = 0; second < 9; second++) {
      deadline.sent(busy, 100)
      await clock.advance(1_000)
      deadline.confirmed(busy, 100)
    }
    expect(expired).toHaveLength(1)
    expect(expired[0]).toBeLessThanOrEqual(7_500)
  })

  it('does not pass while confirms come, however long the queue', async () => {
    const { clock, deadline, expired } = watched()
    const lane = deadline.lane('orders', 0)
    for (let message = 0; message < 20; message++) deadline.sent(lane, 100)
    for (let message = 0; message < 20; message++) {
      await clock.advance(3_000)
      deadline.confirmed(lane, 100)
    }
    expect(expired).toEqual([])
    await clock.advance(60_000)
    expect([expired.length, clock.pending]).toEqual([0, 0])
  })

  it('stands still while the broker reads nothing, and starts anew', async () => {
    const { clock, deadline, expired } = watched()
    deadline.sent(deadline.lane('orders', 0), 100)
    deadline.hold()
    await clock.advance(60_000)
    deadline.release()
    await clock.advance(5_000)
    expect(expired).toEqual([])
    await clock.advance(3_000)
    expect(expired).toHaveLength(1)
  })

  it('leaves large messages the time they need', async () => {
    const { clock, deadline, expired } = watched()
    deadline.sent(deadline.lane('orders', 0), 128 * 1_048_576)
    await clock.advance(15_000)
    expect(expired).toEqual([])
    await clock.advance(10_000)
    expect(expired).toHaveLength(1)
  })

  it('ends with its channel', async () => {
    const { clock, deadline, expired } = watched()
    deadline.sent(deadline.lane('orders', 0), 100)
    deadline.stop()
    await clock.advance(60_000)
    expect(expired).toEqual([])
  })
})
