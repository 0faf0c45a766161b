import { execFile } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { Credentials, KafkaHandle, KafkaOptions } from '../broker.js'
import { createCertificates } from '../certificates.js'
import { brokerHandle } from '../handle.js'
import {
  allocateKafkaPorts,
  heapOf,
  kafkaProperties,
  listenerAddresses,
  newClusterId,
  scramUserArguments,
  usesTls,
} from '../kafka-config.js'
import { startNode } from '../node.js'
import { probeKafka } from '../probes.js'
import { KAFKA_VERSION, LOG_CONFIG, kafkaClassPath } from './kafka-distribution.js'
import { processNode } from './process-node.js'
import type { NativeContext } from './context.js'
import { createWorkspace } from './workspace.js'

const run = promisify(execFile)

// Only the quick compiler: a test broker lives for seconds, and most of its work is starting.
const JVM = ['-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1']

export async function nativeKafka(context: NativeContext, options: KafkaOptions): Promise<KafkaHandle> {
  const classPath = await kafkaClassPath(context.log)
  const java = (...args: string[]) => run('java', [...JVM, '-Xmx256m', '-cp', classPath, ...args])
  const { folder, remove } = await createWorkspace('kafka', context.watchdog)

  const cluster = await allocateKafkaPorts(options)
  const certificates = usesTls(options) ? await createCertificates() : undefined
  const keys = certificates && { keystore: join(folder, 'server.pem'), truststore: join(folder, 'ca.pem') }
  if (keys) {
    await writeFile(keys.keystore, certificates.server.key + certificates.server.cert)
    await writeFile(keys.truststore, certificates.ca)
  }
  const properties = kafkaProperties(options, cluster, { bind: '127.0.0.1', host: () => '127.0.0.1', keys })
  const clusterId = newClusterId()
  const heap = heapOf(cluster.length)
  const start = async (node: Record<string, string>, i: number) => {
    const name = `kafka-${i + 1}`
    const config = join(folder, `${name}.properties`)
    await writeFile(config, javaProperties({ ...node, 'log.dirs': join(folder, name) }))
    await java('kafka.tools.StorageTool', 'format', '--cluster-id', clusterId, '--config', config)
    const logging = `-Dlog4j2.configurationFile=${LOG_CONFIG}`
    const command = {
      name,
      file: 'java',
      args: [...JVM, ...heap, logging, '-cp', classPath, 'kafka.Kafka', config],
      cwd: folder,
      logFile: join(folder, `${name}.log`),
    }
    const managed = processNode(command, context.watchdog)
    const address = brokers[i] ?? ''
    await startNode(managed, () => probeKafka([address], cluster.length))
    return { managed, url: address, probe: () => probeKafka([address]) }
  }
  const listeners = listenerAddresses(cluster)
  const brokers = listeners.PLAINTEXT ?? []
  const url = brokers.join()
  const nodes = await Promise.all(properties.map(start))

  const createScramUser = async (user: Credentials) => {
    for (const args of scramUserArguments(url, user)) await java('kafka.admin.ConfigCommand', ...args)
  }
  for (const user of options.security?.users ?? []) await createScramUser(user)
  const handle = brokerHandle('kafka', KAFKA_VERSION, url, nodes, remove)
  return { ...handle, brokers, listeners, certificates, createScramUser }
}

function javaProperties(properties: Readonly<Record<string, string>>): string {
  return Object.entries(properties)
    .map(([name, value]) => `${name}=${value}\n`)
    .join('')
}
