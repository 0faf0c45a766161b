import { ConfigError } from '@waybill/core/spi'
import { memory, memoryBroker, type MemoryBroker } from '../src/index.js'

function problemsOf(make: () => unknown): readonly string[] {
  try {
    make()
  } catch (error) {
    if (error instanceof ConfigError) return error.problems.map(({ path, message }) => `${path}: ${message}`)
  }
  throw new Error('no ConfigError')
}

describe('options of the memory transport', () => {
  it('names every problem at once', () => {
    const wrong = { maxStoredMessages: 0, maxStoredBytes: 1.5, maxStored: 1 }
    expect(problemsOf(() => memory(wrong))).toEqual([
      'maxStoredMessages: must be a whole number from 1 to 10000000, not 0',
      'maxStoredBytes: must be a whole number from 1024 to 17179869184, not 1.5',
      'maxStored: is not an option; there are maxStoredMessages, maxStoredBytes',
    ])
    expect(problemsOf(() => memoryBroker(wrong))).toHaveLength(3)
  })

  it('refuses settings beside a shared broker, and a broker it did not make', () => {
    expect(problemsOf(() => memory({ broker: memoryBroker(), maxStoredBytes: 2_048 }))).toEqual([
      'maxStoredBytes: belongs to the shared broker; give it to memoryBroker()',
    ])
    const foreign: Partial<MemoryBroker> = {}
    expect(problemsOf(() => memory({ broker: foreign as MemoryBroker }))).toEqual([
      'broker: must be made by memoryBroker(), not an object',
    ])
  })
})
