import { type Machine, chooseProvider } from '../src/environment/choose-provider.js'
import { provide } from '../src/environment/preflight.js'

const images = { kafka: 'apache/kafka:4.1.0', rabbitmq: 'rabbitmq:4-management', redis: 'redis:8' }
const maven = { name: 'mvn', apt: 'maven', brew: 'maven' }
const rabbitmq = { name: 'rabbitmq-server', apt: 'rabbitmq-server', brew: 'rabbitmq' }

/** A machine with nothing but what is given. */
function machine(has: Partial<Machine>): Machine {
  return {
    env: {},
    isRoot: false,
    packageManager: undefined,
    images: () => Promise.reject(new Error('no Docker engine answers')),
    missingPrograms: async () => [maven, rabbitmq],
    ...has,
  }
}

const engine = { images: async () => images }
const programs = { missingPrograms: async () => [] }
const rootOnDebian = { isRoot: true, packageManager: 'apt' } as const

describe('chooseProvider', () => {
  it('takes containers where an engine has the images, whatever else is installed', async () => {
    const choice = await chooseProvider(machine({ ...engine, ...programs }))
    expect(choice).toMatchObject({ provider: 'testcontainers', images })
  })

  it('falls back to native processes and says why containers cannot be had', async () => {
    const choice = await chooseProvider(machine(programs))
    expect(choice).toEqual({ provider: 'native', reason: 'no Docker engine answers' })
  })

  it('takes external brokers as soon as a URL is given', async () => {
    const env = { WAYBILL_REDIS_URL: 'redis://elsewhere' }
    const choice = await chooseProvider(machine({ ...engine, env }))
    expect(choice).toEqual({ provider: 'external', reason: 'WAYBILL_REDIS_URL given' })
  })

  it('obeys WAYBILL_BROKERS', async () => {
    const env = { WAYBILL_BROKERS: 'native', WAYBILL_REDIS_URL: 'redis://elsewhere' }
    expect(await chooseProvider(machine({ ...engine, ...programs, env }))).toMatchObject({
      provider: 'native',
    })
  })

  it('refuses a provider that it does not know', async () => {
    const env = { WAYBILL_BROKERS: 'podman' }
    await expect(chooseProvider(machine({ env }))).rejects.toThrow('WAYBILL_BROKERS is "podman"')
  })

  it('does not replace containers that were asked for', async () => {
    const choice = await chooseProvider(machine(programs), 'testcontainers')
    expect(choice).toMatchObject({ provider: undefined, installable: [] })
    expect(choice).toHaveProperty('problem', 'Containers were asked for, but no Docker engine answers.')
  })

  it('names each missing piece and the command that installs it', async () => {
    const choice = await chooseProvider(machine({}))
    expect(choice).toMatchObject({ provider: undefined, installable: [] })
    expect(choice).toHaveProperty('problem', expect.stringContaining('no Docker engine answers'))
    expect(choice).toHaveProperty('problem', expect.stringContaining('mvn, rabbitmq-server not found'))
    expect(choice).toHaveProperty(
      'problem',
      expect.stringContaining('sudo apt-get install maven rabbitmq-server'),
    )
    expect(choice).toHaveProperty('problem', expect.stringContaining('brew install maven rabbitmq'))
  })

  it.each([
    ['as root with apt', rootOnDebian, ['maven', 'rabbitmq-server']],
    ['not as another user', { ...rootOnDebian, isRoot: false }, []],
    ['not without apt', { ...rootOnDebian, packageManager: 'brew' as const }, []],
    ['not with WAYBILL_NO_INSTALL', { ...rootOnDebian, env: { WAYBILL_NO_INSTALL: '1' } }, []],
  ])('offers to install packages %s', async (_, has, installable) => {
    expect(await chooseProvider(machine(has))).toMatchObject({ provider: undefined, installable })
  })
})

describe('preflight', () => {
  it('announces what it installs, installs it and chooses again', async () => {
    const steps: string[] = []
    let missing = [maven]
    const choice = await provide(
      machine({ ...rootOnDebian, missingPrograms: async () => missing }),
      async (packages) => {
        steps.push(`install ${packages.join()}`)
        missing = []
      },
      (line) => steps.push(line),
    )
    expect(choice.provider).toBe('native')
    expect(steps).toEqual(['installing maven with apt-get (WAYBILL_NO_INSTALL=1 refuses)', 'install maven'])
  })

  it('fails at once where it may not install', async () => {
    const missing = provide(machine({}), jest.fn(), () => undefined)
    await expect(missing).rejects.toThrow('No broker can be started')
  })

  it('says so if the packages did not help', async () => {
    const unhelped = provide(machine(rootOnDebian), jest.fn(), () => undefined)
    await expect(unhelped).rejects.toThrow('did not help')
  })
})
