import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { RabbitmqHandle, RabbitmqOptions } from '../broker.js'
import { CLIENT_NAME, createCertificates } from '../certificates.js'
import { brokerHandle } from '../handle.js'
import { startNode } from '../node.js'
import { freePorts } from '../ports.js'
import { probeRabbitmq } from '../probes.js'
import { SYNC_QUEUES, enabledPlugins, rabbitmqConfig } from '../rabbitmq-config.js'
import { processNode } from './process-node.js'
import type { NativeContext } from './context.js'
import { rabbitmqCommands } from './rabbitmq-commands.js'
import { createWorkspace } from './workspace.js'

const run = promisify(execFile)

export async function nativeRabbitmq(
  context: NativeContext,
  options: RabbitmqOptions,
): Promise<RabbitmqHandle> {
  const commands = rabbitmqCommands()
  const { folder, remove } = await createWorkspace('rabbitmq', context.watchdog)
  const [amqpPort = 0, tlsPort = 0, epmdPort = 0, distributionPort = 0] = await freePorts(4)

  const certificates = options.tls ? await createCertificates() : undefined
  const keys = { ca: join(folder, 'ca.pem'), cert: join(folder, 'server.pem'), key: join(folder, 'key.pem') }
  if (certificates) {
    await writeFile(keys.ca, certificates.ca)
    await writeFile(keys.cert, certificates.server.cert)
    await writeFile(keys.key, certificates.server.key)
  }
  const listen = { amqp: `127.0.0.1:${amqpPort}`, tls: `127.0.0.1:${tlsPort}` }
  await writeFile(join(folder, 'rabbitmq.conf'), rabbitmqConfig(options, listen, certificates && keys))
  await writeFile(join(folder, 'enabled_plugins'), enabledPlugins(options, []))
  await writeFile(join(folder, 'rabbitmq-env.conf'), '')
  await mkdir(join(folder, 'conf.d'))
  const env = { ...process.env, ...isolation(folder, amqpPort, epmdPort, distributionPort) }

  const place = { env, cwd: folder }
  const epmd = processNode(
    { ...place, name: 'epmd', file: 'epmd', args: [], logFile: join(folder, 'epmd.log') },
    context.watchdog,
  )
  const managed = processNode(
    { ...place, name: 'rabbitmq-1', file: commands.server, args: [], logFile: join(folder, 'broker.log') },
    context.watchdog,
  )
  const url = `amqp://guest:guest@127.0.0.1:${amqpPort}`
  const probe = () => probeRabbitmq(url)
  await epmd.start()
  const version = await startNode(managed, probe)

  const ctl = async (...args: readonly string[]) => (await run(commands.ctl, ['-q', ...args], place)).stdout
  if (options.tls) {
    await ctl('add_user', CLIENT_NAME, randomBytes(16).toString('hex'))
    await ctl('set_permissions', CLIENT_NAME, '.*', '.*', '.*')
  }
  const removeAll = () => epmd.kill().then(remove)
  return {
    ...brokerHandle('rabbitmq', version, url, [{ managed, url, probe }], removeAll),
    hosts: [listen.amqp],
    tlsUrl: options.tls ? `amqps://guest:guest@localhost:${tlsPort}` : undefined,
    certificates,
    managementUrl: undefined,
    ctl,
    syncQueues: async () => void (await ctl(...SYNC_QUEUES)),
  }
}

/** Keeps a node apart from any other on this machine: own name, port mapper, cookie, configuration and data. */
function isolation(
  folder: string,
  amqpPort: number,
  epmdPort: number,
  distributionPort: number,
): NodeJS.ProcessEnv {
  return {
    HOME: folder,
    ERL_EPMD_PORT: `${epmdPort}`,
    ERL_EPMD_ADDRESS: '127.0.0.1',
    RABBITMQ_NODENAME: `waybill-${amqpPort}@localhost`,
    RABBITMQ_DIST_PORT: `${distributionPort}`,
    // Their default is the distribution port + 10,000.
    RABBITMQ_CTL_DIST_PORT_MIN: '35672',
    RABBITMQ_CTL_DIST_PORT_MAX: '35772',
    RABBITMQ_CTL_ERL_ARGS: '-kernel inet_dist_use_interface {127,0,0,1}',
    RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS: '-kernel inet_dist_use_interface {127,0,0,1}',
    RABBITMQ_CONF_ENV_FILE: join(folder, 'rabbitmq-env.conf'),
    RABBITMQ_CONFIG_FILE: join(folder, 'rabbitmq.conf'),
    RABBITMQ_CONFIG_FILES: join(folder, 'conf.d'),
    RABBITMQ_ADVANCED_CONFIG_FILE: join(folder, 'advanced.config'),
    RABBITMQ_ENABLED_PLUGINS_FILE: join(folder, 'enabled_plugins'),
    RABBITMQ_MNESIA_BASE: join(folder, 'data'),
    RABBITMQ_LOG_BASE: join(folder, 'log'),
    RABBITMQ_LOGS: '-',
    // Makes the script become the server instead of its parent, so that the process we signal is the server.
    RUNNING_UNDER_SYSTEMD: 'true',
  }
}
