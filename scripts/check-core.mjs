// Proves that @waybill/core needs nothing at run time but Node: turbo boundaries does not judge npm packages.
import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'

const core = join(import.meta.dirname, '../packages/core')
const manifest = JSON.parse(readFileSync(join(core, 'package.json'), 'utf8'))

const declared = ['dependencies', 'peerDependencies', 'optionalDependencies', 'bundleDependencies']
  .filter((field) => manifest[field] !== undefined)
  .map((field) => `package.json has ${field}`)

const specifier = /(?:\bfrom|\bimport|\brequire\(|\bimport\()\s*['"]([^'"]+)['"]/g
const imported = readdirSync(join(core, 'src'), { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.ts'))
  .flatMap((file) =>
    [...readFileSync(join(core, 'src', file), 'utf8').matchAll(specifier)]
      .map(([, name]) => name)
      .filter((name) => !name.startsWith('.') && !name.startsWith('node:'))
      .map((name) => `src/${file} imports ${name}`),
  )

const problems = [...declared, ...imported]
for (const problem of problems) console.error(`@waybill/core must not depend on anything: ${problem}`)
if (problems.length > 0) process.exit(1)
console.log('@waybill/core depends on nothing but Node.')
