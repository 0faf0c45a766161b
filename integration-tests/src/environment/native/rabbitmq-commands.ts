import { accessSync, constants, existsSync, realpathSync } from 'node:fs'
import { delimiter, dirname, join } from 'node:path'

/** RabbitMQ's own scripts: the server, `rabbitmqctl`, and Erlang's port mapper. */
export interface RabbitmqCommands {
  readonly server: string
  readonly ctl: string
  readonly epmd: string
}

/** @throws Error if RabbitMQ is not on the PATH */
export function rabbitmqCommands(): RabbitmqCommands {
  const onPath = findOnPath('rabbitmq-server')
  if (!onPath) throw new Error('rabbitmq-server is not on the PATH: install RabbitMQ')
  // Debian puts a wrapper on the PATH that changes to the system's user and logs; the script lies beside it.
  const folder = dirname(realpathSync(onPath))
  const beside = (name: string) => (existsSync(join(folder, name)) ? join(folder, name) : name)
  return { server: beside('rabbitmq-server'), ctl: beside('rabbitmqctl'), epmd: 'epmd' }
}

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
