import { join } from 'node:path'
import type { RedisHandle, RedisOptions } from '../broker.js'
import { brokerHandle } from '../handle.js'
import { startNode } from '../node.js'
import { freePorts } from '../ports.js'
import { probeRedis } from '../probes.js'
import { redisArguments } from '../redis-config.js'
import { processNode } from './process-node.js'
import type { NativeContext } from './context.js'
import { createWorkspace } from './workspace.js'

export async function nativeRedis(context: NativeContext, options: RedisOptions): Promise<RedisHandle> {
  const { folder, remove } = await createWorkspace('redis', context.watchdog)
  const [port = 0] = await freePorts(1)
  const url = `redis://127.0.0.1:${port}`
  const managed = processNode(
    {
      name: 'redis-1',
      file: 'redis-server',
      args: redisArguments({ port: `${port}`, bind: '127.0.0.1', dir: folder, ...options.config }),
      cwd: folder,
      logFile: join(folder, 'redis.log'),
    },
    context.watchdog,
  )
  const probe = () => probeRedis(url)
  const version = await startNode(managed, probe)
  return brokerHandle('redis', version, url, [{ managed, url, probe }], remove)
}
