import { execFile } from 'node:child_process'
import { accessSync, constants } from 'node:fs'
import { delimiter, join } from 'node:path'
import { promisify } from 'node:util'
import type { Program } from './choose-provider.js'

const run = promisify(execFile)

const OLDEST_JAVA = 17 // of a Kafka 4 broker

const JAVA: Program = { name: `java (${OLDEST_JAVA} or later)`, apt: 'default-jre-headless', brew: 'openjdk' }
const ON_PATH: readonly Program[] = [
  { name: 'mvn', apt: 'maven', brew: 'maven' },
  { name: 'rabbitmq-server', apt: 'rabbitmq-server', brew: 'rabbitmq' },
  { name: 'redis-server', apt: 'redis-server', brew: 'redis' },
]

/** What native brokers need and this machine has not. */
export async function missingPrograms(): Promise<Program[]> {
  const missing = ON_PATH.filter(({ name }) => !findOnPath(name))
  return (await hasJava()) ? missing : [JAVA, ...missing]
}

/** Looks also where servers are installed to, which an ordinary user's PATH leaves out. */
export function findOnPath(name: string): string | undefined {
  const folders = [...(process.env['PATH'] ?? '').split(delimiter), '/usr/sbin', '/usr/local/sbin']
  return folders.map((folder) => join(folder, name)).find(isExecutable)
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK)
    return true
  } catch {
    return false
  }
}

async function hasJava(): Promise<boolean> {
  try {
    const { stderr } = await run('java', ['-version'])
    return Number(/version "(\d+)/.exec(stderr)?.[1]) >= OLDEST_JAVA
  } catch {
    return false
  }
}
