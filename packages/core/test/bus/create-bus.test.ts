import { ConfigError, createBus, defineTopic, type BusOptions } from '../../src/index.js'
import { busOptionTable, subscribeOptionTable } from '../../src/bus/options.js'
import { orders, setUpBus } from '../support/bus-setup.js'
import { FakeTransport, settleCapabilities } from '../support/fake-transport.js'
import { VirtualClock } from '../support/virtual-clock.js'

const listed = (error: unknown): string[] =>
  error instanceof ConfigError ? error.problems.map(({ code, path }) => `${code} ${path}`) : [String(error)]

function problemsOf(options: unknown): string[] {
  try {
    createBus(options as BusOptions)
  } catch (error) {
    return listed(error)
  }
  return []
}

describe('createBus', () => {
  it('lists everything that is wrong in one error', () => {
    const wrong = {
      transport: 'kafka',
      topics: orders,
      logger: { info: () => undefined },
      publishTimeoutMs: 1,
      onGiveUp: 'stop',
      clientId: '',
      publishTimeout: 5,
    }
    expect(problemsOf(wrong)).toEqual([
      'CONFIG_INVALID clientId',
      'CONFIG_INVALID publishTimeoutMs',
      'CONFIG_INVALID onGiveUp',
      'CONFIG_INVALID publishTimeout',
      'CONFIG_INVALID transport',
      'CONFIG_INVALID topics',
      'CONFIG_INVALID logger',
    ])
  })

  it.each([undefined, null, 'kafka', 5])('refuses %j instead of options', (options) => {
    expect(problemsOf(options)).toEqual(['CONFIG_INVALID options'])
  })

  it('keeps every option within its bounds', () => {
    for (const [name, option] of Object.entries(busOptionTable)) {
      if (option.kind !== 'number') continue
      const outcomes = [option.min - 1, option.min, option.max, option.max + 1].map(
        (value) => problemsOf({ transport: new FakeTransport(), [name]: value }).length,
      )
      expect({ name, outcomes }).toEqual({ name, outcomes: [1, 0, 0, 1] })
    }
  })

  it('refuses topics that claim one name', () => {
    const transport = new FakeTransport()
    const clash = defineTopic({ name: 'orders.billing' })
    const again = defineTopic({ name: 'orders' })
    const topicsOf = (...topics: BusOptions['topics'] & object): string[] => problemsOf({ transport, topics })
    expect(topicsOf(orders, clash)).toEqual(['NAME_CONFLICT topic'])
    expect(topicsOf(clash, orders)).toEqual(['NAME_CONFLICT topic'])
    expect(topicsOf(orders, again)).toEqual(['TOPIC_DUPLICATE topic'])
    expect(topicsOf(orders, orders)).toEqual([])
    expect(topicsOf({ ...orders, name: 'other' }, {} as typeof orders)).toEqual(['TOPIC_UNDECLARED topic'])
  })
})

describe('subscribing', () => {
  const subscribe = async (options: unknown, handler: unknown, capabilities: object = {}) => {
    const { bus } = setUpBus({}, capabilities)
    await bus.connect()
    try {
      await bus.subscribe(orders, options as { group: 'billing' }, handler as () => void)
    } catch (error) {
      return listed(error)
    } finally {
      await bus.close({ timeoutMs: 0 })
    }
    return []
  }
  const handler = (): void => undefined

  it('lists everything that is wrong in one error', async () => {
    const wrong = { group: 'unheard', concurrency: 0, commitIntervalMs: 5, retry: {}, concurency: 1 }
    expect(await subscribe(wrong, 'handler')).toEqual([
      'CONFIG_INVALID concurrency',
      'CONFIG_INVALID commitIntervalMs',
      'CONFIG_INVALID concurency',
      'HANDLER_NOT_A_FUNCTION handler',
      'GROUP_UNDECLARED group',
      'CONFIG_INVALID retry',
    ])
    expect(await subscribe(handler, undefined)).toEqual(['CONFIG_INVALID options'])
    expect(await subscribe(undefined, handler)).toEqual(['CONFIG_INVALID options'])
  })

  it('keeps every option within its bounds', async () => {
    for (const [name, option] of Object.entries(subscribeOptionTable)) {
      if (option.kind !== 'number') continue
      const outcomes: number[] = []
      for (const value of [option.min - 1, option.min, option.max, option.max + 1])
        outcomes.push((await subscribe({ group: 'billing', [name]: value }, handler)).length)
      expect({ name, outcomes }).toEqual({ name, outcomes: [1, 0, 0, 1] })
    }
  })

  it('refuses bounds that the broker cannot keep', async () => {
    const longer = { group: 'billing', handlerTimeoutMs: 1_800_001 }
    expect(await subscribe(longer, handler, settleCapabilities)).toEqual(['CONFIG_INVALID handlerTimeoutMs'])
    // 2 partitions × window 100 × 1,000,000 bytes
    const bounded = (maxBufferedBytes: number) => ({ group: 'billing', maxBufferedBytes })
    expect(await subscribe(bounded(199_999_999), handler, settleCapabilities)).toEqual([
      'CONFIG_INVALID maxBufferedBytes',
    ])
    expect(await subscribe(bounded(200_000_000), handler, settleCapabilities)).toEqual([])
    expect(await subscribe(bounded(1_024), handler)).toEqual([])
  })

  it('refuses a group twice, until the first has closed', async () => {
    const { bus } = setUpBus()
    await bus.connect()
    const first = await bus.subscribe(orders, { group: 'billing' }, handler)
    const again = () => bus.subscribe(orders, { group: 'billing' }, handler)
    await expect(again()).rejects.toMatchObject({ code: 'GROUP_SUBSCRIBED_TWICE' })
    await bus.subscribe(orders, { group: 'shipping' }, handler)
    await first.close({ timeoutMs: 0 })
    await again()
    await bus.close({ timeoutMs: 0 })
  })

  it('refuses a topic without groups where the broker stores for groups only', async () => {
    const { bus } = setUpBus({}, settleCapabilities)
    await bus.connect()
    const lonely = defineTopic({ name: 'lonely' })
    await expect(bus.publish(lonely, 1)).rejects.toMatchObject({
      code: 'TOPIC_HAS_NO_GROUPS',
      outcome: 'rejected',
    })
    await bus.close({ timeoutMs: 0 })
  })
})

describe('a bus', () => {
  it('uses the clock it was given for all its time', async () => {
    const { bus, clock } = setUpBus({ clock: new VirtualClock() })
    await bus.connect()
    expect(clock.pending).toBe(0)
    await bus.close({ timeoutMs: 0 })
  })
})
