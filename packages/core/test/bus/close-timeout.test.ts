import { closeTimeoutOf } from '../../src/bus/close-timeout.js'

describe('the timeout of a close', () => {
  it('is what the caller says, or the default', () => {
    expect(closeTimeoutOf({ timeoutMs: 0 }, 30_000)).toBe(0)
    expect(closeTimeoutOf({ timeoutMs: 250 }, 30_000)).toBe(250)
    expect(closeTimeoutOf({}, 30_000)).toBe(30_000)
  })

  it('never fails a close: what is out of bounds is the nearest that is not', () => {
    expect(closeTimeoutOf({ timeoutMs: Infinity }, 30_000)).toBe(3_600_000)
    expect(closeTimeoutOf({ timeoutMs: -1 }, 30_000)).toBe(0)
    expect(closeTimeoutOf({ timeoutMs: Number.NaN }, 30_000)).toBe(30_000)
  })
})
