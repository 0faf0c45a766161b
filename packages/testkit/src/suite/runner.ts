/** The part of a test runner that the suite needs; jest and vitest have it. */
export interface TestRunner {
  describe(name: string, body: () => void): void
  it(name: string, test: () => Promise<void>, timeoutMs?: number): void
  beforeAll(task: () => Promise<void>, timeoutMs?: number): void
  afterAll(task: () => Promise<void>, timeoutMs?: number): void
  expect: Expect
}

export type Expect = (value: unknown) => Expectation

export interface Expectation {
  toBe(expected: unknown): void
  toEqual(expected: unknown): void
  toMatchObject(expected: object): void
  toBeLessThanOrEqual(most: number): void
  toBeGreaterThanOrEqual(least: number): void
  toBeGreaterThan(bound: number): void
}
