/** The part of a test runner that the suite needs; jest and vitest have it, and fail a test that leaves a rejection unhandled. */
export interface TestRunner {
  readonly describe: (name: string, body: () => void) => void
  readonly it: (name: string, test: () => Promise<void>, timeoutMs?: number) => void
  readonly beforeAll: (task: () => Promise<void>, timeoutMs?: number) => void
  readonly afterAll: (task: () => Promise<void>, timeoutMs?: number) => void
  readonly expect: Expect
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
