import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { rm, writeFile } from 'node:fs/promises'

const POLICY = '/usr/sbin/policy-rc.d'

/**
 * Installs Debian packages, without the servers in them being started as services. Needs root.
 * @throws Error if apt-get fails; what it complained of has been shown
 */
export async function installPackages(packages: readonly string[]): Promise<void> {
  const ourPolicy = !existsSync(POLICY)
  if (ourPolicy) await writeFile(POLICY, '#!/bin/sh\nexit 101\n', { mode: 0o755 })
  try {
    await aptGet('update', '-qq')
    await aptGet('install', '-qq', '--yes', '--no-install-recommends', ...packages)
  } finally {
    if (ourPolicy) await rm(POLICY)
  }
}

async function aptGet(...args: string[]): Promise<void> {
  const child = spawn('apt-get', args, {
    stdio: ['ignore', 'ignore', 'inherit'],
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
  })
  await once(child, 'exit')
  if (child.exitCode !== 0) throw new Error(`apt-get ${args.join(' ')} failed`)
}
