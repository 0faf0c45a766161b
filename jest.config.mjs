const shared = {
  rootDir: import.meta.dirname,
  transform: {
    '\\.ts$': [
      '@swc/jest',
      {
        jsc: { parser: { syntax: 'typescript' }, target: 'es2022' },
        module: { type: 'commonjs' },
        sourceMaps: 'inline',
      },
    ],
  },
  // Tests run on the sources: no build is needed, and none can be stale.
  moduleNameMapper: {
    '^(\\.{1,2}/.*)\\.js$': '$1',
    '^@waybill/core/spi$': '<rootDir>/packages/core/src/spi.ts',
    '^@waybill/integration-tests/environment$': '<rootDir>/integration-tests/src/environment/index.ts',
    '^@waybill/([^/]+)$': '<rootDir>/packages/$1/src/index.ts',
  },
  moduleFileExtensions: ['ts', 'js', 'json'],
  modulePathIgnorePatterns: ['/dist/'],
}

/** @type {import('jest').Config} */
export default {
  coverageProvider: 'v8',
  projects: [
    {
      ...shared,
      displayName: 'unit',
      testMatch: ['<rootDir>/packages/*/test/**/*.test.ts', '<rootDir>/examples/*/test/**/*.test.ts'],
    },
    { ...shared, displayName: 'integration', testMatch: ['<rootDir>/integration-tests/test/**/*.test.ts'] },
  ],
}
