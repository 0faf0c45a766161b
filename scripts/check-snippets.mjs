// Typechecks every ```ts block of the README files and the docs against the sources.
//
// A block stands for itself and may use top-level await. Two notes keep examples short:
//   ```ts continues     the block goes on where the one before it in the same file ended
//   <!-- setup: … -->   declarations that the next block needs and its reader does not
// A block that cannot be checked says ```ts no-check.
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

const root = join(import.meta.dirname, '..')
const out = join(root, '.snippets')

const below = (folder, pattern) =>
  existsSync(join(root, folder))
    ? readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
        .filter((file) => pattern.test(file) && !file.includes('node_modules'))
        .map((file) => `${folder}/${file}`)
    : []

const pages = [
  ...readdirSync(root).filter((file) => file.endsWith('.md')),
  ...below('packages', /^[^/]+\/README\.md$/),
  ...below('examples', /^[^/]+\/README\.md$/),
  ...below('docs', /\.md$/),
]

/**
 * The programs of one page. Every line keeps its line number, so that an error names the page's own line.
 * @param {string} text
 */
function programsOf(text) {
  const lines = text.split('\n')
  const programs = []
  const counts = { checked: 0, unchecked: 0 }
  let setup = []
  for (let at = 0; at < lines.length; at++) {
    const block = /^(\s*)```(?:ts|typescript)\b(.*)$/.exec(lines[at])
    const opensSetup = lines[at].startsWith('<!-- setup:')
    if (!block && !opensSetup) continue
    const close = block ? new RegExp(`^${block[1]}\`\`\`\\s*$`) : /-->\s*$/
    const end = lines.findIndex((line, index) => index > at && close.test(line))
    if (end < 0) throw new Error(`line ${at + 1} opens a block that nothing closes`)
    const inside = Array.from({ length: end - at - 1 }, (_, index) => at + 1 + index)
    const words = block?.[2].trim().split(/\s+/) ?? []
    if (opensSetup) setup = inside
    else if (words.includes('no-check')) counts.unchecked++
    else {
      if (!words.includes('continues') || programs.length === 0) programs.push([])
      for (const line of [...setup, ...inside]) programs.at(-1)[line] = lines[line]
      counts.checked++
      setup = []
    }
    at = end
  }
  return { programs, counts }
}

rmSync(out, { recursive: true, force: true })
mkdirSync(out)
const config = { extends: '../tsconfig.test.json', include: ['*.mts'], compilerOptions: { types: ['node'] } }
Object.assign(config.compilerOptions, { noUnusedLocals: false, noUnusedParameters: false })
writeFileSync(join(out, 'tsconfig.json'), JSON.stringify(config))

const sourceOf = new Map()
const total = { checked: 0, unchecked: 0 }
for (const page of pages) {
  const { programs, counts } = programsOf(readFileSync(join(root, page), 'utf8'))
  total.checked += counts.checked
  total.unchecked += counts.unchecked
  for (const [index, program] of programs.entries()) {
    const name = `${page.replaceAll('/', '+')}.${index}.mts`
    sourceOf.set(name, page)
    writeFileSync(join(out, name), `${Array.from(program, (line) => line ?? '').join('\n')}\nexport {}\n`)
  }
}

console.log(`${total.checked} snippets in ${pages.length} pages, ${total.unchecked} not checked`)
if (total.checked > 0) {
  const tsc = join(root, 'node_modules/.bin/tsc')
  const { status, stdout } = spawnSync(tsc, ['-p', out], { cwd: root, encoding: 'utf8' })
  const place = /^\.snippets\/(\S+\.mts)\((\d+),(\d+)\)/gm
  console.log(
    stdout.replace(place, (_, name, line, column) => `${sourceOf.get(name)}:${line}:${column}`).trim(),
  )
  if (status !== 0) process.exit(1)
}
rmSync(out, { recursive: true })
