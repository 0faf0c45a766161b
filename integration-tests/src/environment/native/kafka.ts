import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { Credentials, KafkaHandle, KafkaOptions } from '../broker.js'
import { createCertificates } from '../certificates.js'
import { brokerHandle } from '../handle.js'
import {
  allocateKafkaPorts,
  kafkaProperties,
  listenerAddresses,
  scramUserArguments,
  usesTls,
} from '../kafka-config.js'
import { startNode } from '../node.js'
import { probeKafka } from '../probes.js'
import { KAFKA_VERSION, LOG_CONFIG, kafkaClassPath } from './kafka-distribution.js'
import { processNode } from './process-node.js'
import type { NativeContext } from './provider.js'
import { createWorkspace } from './workspace.js'

const run = promisify(execFile)

// Only the quick compiler: a test broker lives for seconds, and most of its work is starting.
const JVM = ['-Xms256m', '-Xmx512m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1']

export async function nativeKafka(context: NativeContext, options: KafkaOptions): Promise<KafkaHandle> {
  const classPath = await kafkaClassPath(context.log)
  const java = (...args: string[]) => run('java', [...JVM, '-cp', classPath, ...args])
  const { folder, remove } = await createWorkspace('kafka', context.watchdog)

  const ports = await allocateKafkaPorts(options)
  const certificates = usesTls(options) ? await createCertificates() : undefined
  const keys = certificates && { keystore: join(folder, 'server.pem'), truststore: join(folder, 'ca.pem') }
  if (keys) {
    await writeFile(keys.keystore, certificates.server.key + certificates.server.cert)
    await writeFile(keys.truststore, certificates.ca)
  }
  const properties = kafkaProperties(options, ports, { bind: '127.0.0.1', keys })
  const config = join(folder, 'server.properties')
  await writeFile(config, javaProperties({ ...properties, 'log.dirs': join(folder, 'data') }))
  const clusterId = randomBytes(16).toString('base64url')
  await java('kafka.tools.StorageTool', 'format', '--cluster-id', clusterId, '--config', config)

  const command = {
    name: 'kafka-1',
    file: 'java',
    args: [...JVM, `-Dlog4j2.configurationFile=${LOG_CONFIG}`, '-cp', classPath, 'kafka.Kafka', config],
    cwd: folder,
    logFile: join(folder, 'broker.log'),
  }
  const managed = processNode(command, context.watchdog)
  const listeners = listenerAddresses(ports)
  const brokers = listeners.PLAINTEXT ?? []
  const url = brokers.join()
  const probe = () => probeKafka(brokers)
  await startNode(managed, probe)

  const createScramUser = async (user: Credentials) => {
    for (const args of scramUserArguments(url, user)) await java('kafka.admin.ConfigCommand', ...args)
  }
  for (const user of options.security?.users ?? []) await createScramUser(user)
  const handle = brokerHandle('kafka', KAFKA_VERSION, url, [{ managed, url, probe }], remove)
  return { ...handle, brokers, listeners, certificates, createScramUser }
}

function javaProperties(properties: Readonly<Record<string, string>>): string {
  return Object.entries(properties)
    .map(([name, value]) => `${name}=${value}\n`)
    .join('')
}
