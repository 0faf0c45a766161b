import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, rename, rm } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)

export const KAFKA_VERSION = '4.1.0'

const IMAGE_FOLDER: string = join(__dirname, '../../../images/kafka')
export const LOG_CONFIG: string = join(IMAGE_FOLDER, 'log4j2.properties')

/** Java's class path of the broker and its tools; fetched by Maven on first use, then kept in the cache folder. */
export async function kafkaClassPath(log: (line: string) => void): Promise<string> {
  const cache = process.env['WAYBILL_CACHE_DIR'] ?? join(homedir(), '.cache', 'waybill')
  const jars = join(cache, `kafka-${KAFKA_VERSION}`)
  if (!existsSync(jars)) {
    log(`fetching the jars of Kafka ${KAFKA_VERSION} with Maven into ${jars}`)
    await mkdir(cache, { recursive: true })
    const incoming = await mkdtemp(join(cache, 'incoming-'))
    await fetchJars(incoming)
    // Whoever comes second keeps what the first one put there.
    await rename(incoming, jars).catch(() => rm(incoming, { recursive: true, force: true }))
  }
  return join(jars, '*')
}

async function fetchJars(folder: string): Promise<void> {
  const goal = [
    'dependency:copy-dependencies',
    `-DoutputDirectory=${folder}`,
    `-Dkafka.version=${KAFKA_VERSION}`,
  ]
  try {
    await run('mvn', ['-q', '-B', '-f', join(IMAGE_FOLDER, 'pom.xml'), ...goal])
  } catch (cause) {
    await rm(folder, { recursive: true, force: true })
    const said = cause instanceof Error && 'stdout' in cause ? String(cause.stdout).trim().split('\n') : []
    throw new Error(`Maven could not fetch the jars of Kafka: ${said[0] ?? 'it said nothing'}`, { cause })
  }
}
