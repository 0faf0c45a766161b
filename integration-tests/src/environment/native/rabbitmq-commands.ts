import { existsSync, realpathSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { findOnPath } from '../programs.js'

/** RabbitMQ's own scripts. */
export interface RabbitmqCommands {
  readonly server: string
  readonly ctl: string
}

/** @throws Error if RabbitMQ is not installed */
export function rabbitmqCommands(): RabbitmqCommands {
  const onPath = findOnPath('rabbitmq-server')
  if (!onPath) throw new Error('rabbitmq-server is not on the PATH: install RabbitMQ')
  // Debian puts a wrapper on the PATH that changes to the system's user and log; the script itself lies beside it.
  const folder = dirname(realpathSync(onPath))
  const beside = (name: string) => (existsSync(join(folder, name)) ? join(folder, name) : name)
  return { server: beside('rabbitmq-server'), ctl: beside('rabbitmqctl') }
}
