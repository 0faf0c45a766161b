import { loadInternals, pinnedVersion, type Load } from '../src/client/kafkajs/internals.js'

const installed: Load = (path) => require(`kafkajs/${path}`) as unknown

const withChange =
  (changed: string, module: unknown): Load =>
  (path) =>
    path === changed ? module : installed(path)

describe('the internals of kafkajs that are relied on', () => {
  it('are those of the installed release', () => {
    expect(() => loadInternals()).not.toThrow()
  })

  it('are pinned in package.json', () => {
    const { dependencies } = require('../package.json') as { dependencies: Record<string, string> }
    expect(dependencies['kafkajs']).toBe(pinnedVersion)
  })

  it.each([
    ['another release', withChange('package.json', { version: '2.3.0' }), /2\.3\.0.*2\.2\.4/],
    [
      'a request that is gone',
      withChange('src/protocol/requests', { requests: {}, lookup: () => undefined }),
      /JoinGroup/,
    ],
    [
      'a method that is gone',
      withChange(
        'src/network/connection',
        class {
          requestQueue = {}
        },
      ),
      /Connection\.send.*RequestQueue\./,
    ],
    ['a module that is gone', withChange('src/loggers', undefined), /cannot be loaded/],
    [
      'errors without a type',
      withChange('src/protocol/error', { createErrorFromCode: () => new Error('plain') }),
      /type of protocol errors/,
    ],
  ])('are refused with %s, naming what was found and the pin', (_, load, says) => {
    expect(() => loadInternals(load)).toThrow(
      expect.objectContaining({ code: 'CLIENT_INCOMPATIBLE' }) as Error,
    )
    expect(() => loadInternals(load)).toThrow(says)
    expect(() => loadInternals(load)).toThrow(/install kafkajs@2\.2\.4/)
  })
})
