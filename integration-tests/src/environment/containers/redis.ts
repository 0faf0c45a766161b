import type { RedisHandle, RedisOptions } from '../broker.js'
import { brokerHandle } from '../handle.js'
import { startNode } from '../node.js'
import { freePorts } from '../ports.js'
import { probeRedis } from '../probes.js'
import { redisArguments } from '../redis-config.js'
import { containerNode } from './container-node.js'
import type { ContainerContext } from './context.js'

export async function containerRedis(context: ContainerContext, options: RedisOptions): Promise<RedisHandle> {
  const [port = 0] = await freePorts(1)
  const command = ['redis-server', ...redisArguments({ port: `${port}`, ...options.config })]
  const spec = { name: 'redis-1', image: context.images.redis, ports: [port], command }
  const managed = containerNode(spec, context.label)
  const url = `redis://127.0.0.1:${port}`
  const probe = () => probeRedis(url)
  const version = await startNode(managed, probe)
  return brokerHandle('redis', version, url, [{ managed, url, probe }], () => managed.remove())
}
