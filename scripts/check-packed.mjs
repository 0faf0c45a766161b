// Packs every published package, installs them into a fresh service outside the repository, and uses them there
// from `require`, from `import`, in the service's own jest and from TypeScript.
import { spawnSync } from 'node:child_process'
import { cpSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const root = join(import.meta.dirname, '..')
const service = mkdtempSync(join(tmpdir(), 'waybill-service-'))
const readJson = (path) => JSON.parse(readFileSync(join(root, path), 'utf8'))

function run(cwd, command) {
  const { status, stdout, stderr } = spawnSync(command, {
    cwd,
    shell: true,
    encoding: 'utf8',
    timeout: 180_000,
  })
  if (status !== 0) throw new Error(`$ ${command}\n${stdout}${stderr}`)
}

function check(name, body) {
  const start = performance.now()
  try {
    body()
    console.log(`ok      ${name}  ${((performance.now() - start) / 1000).toFixed(1)} s`)
  } catch (error) {
    console.log(`FAILED  ${name}\n${error.message}`)
    process.exitCode = 1
  }
}

try {
  const published = readdirSync(join(root, 'packages'))
    .map((folder) => readJson(`packages/${folder}/package.json`))
    .filter((manifest) => manifest.private !== true)
  const { devDependencies: tools } = readJson('package.json')

  check('pack', () => {
    const workspaces = published.map(({ name }) => `-w ${name}`).join(' ')
    run(root, `npm pack --silent --pack-destination ${service} ${workspaces}`)
  })
  check('install', () => {
    const tarball = ({ name, version }) => `file:${name.replace('@', '').replace('/', '-')}-${version}.tgz`
    const dependencies = Object.fromEntries(published.map((manifest) => [manifest.name, tarball(manifest)]))
    for (const tool of ['jest', 'typescript', '@types/node']) dependencies[tool] = tools[tool]
    writeFileSync(
      join(service, 'package.json'),
      JSON.stringify({ name: 'service', private: true, dependencies }),
    )
    cpSync(join(root, 'scripts/packed-service'), service, { recursive: true })
    run(service, 'npm install --prefer-offline --no-audit --no-fund')
  })
  check('require', () => run(service, 'node require.cjs'))
  check('import', () => run(service, 'node import.mjs'))
  check('jest', () => run(service, 'npx jest'))
  // Without skipLibCheck: the declarations must hold in a strict service that checks them all.
  const tsc = 'npx tsc --noEmit --strict --target es2023 --lib es2023,esnext.disposable --types node types.ts'
  check('types, nodenext', () => run(service, `${tsc} --module nodenext`))
  check('types, bundler', () => run(service, `${tsc} --module esnext --moduleResolution bundler`))
} finally {
  rmSync(service, { recursive: true, force: true })
}
