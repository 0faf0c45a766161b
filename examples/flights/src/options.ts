import { parseArgs } from 'node:util'
import type { Size } from './flights.js'

export interface Options {
  readonly transport: 'memory' | 'kafka' | 'rabbitmq'
  readonly records: Size
  readonly external: boolean
}

const usage = `Real flight records through one publisher and two groups of three members; one member is killed, another joins.

  npm run demo [-- options]

  --transport memory|kafka|rabbitmq   memory runs in one process, the others in many  (default: memory)
  --records 20k|200k                  how many flights                                 (default: 20k)
  --external                          on a broker that is there already:
                                      WAYBILL_KAFKA_BROKERS=host:9092 or WAYBILL_RABBITMQ_URL=amqp://…
  --help

Without --external the broker is found or started: containers where a Docker engine answers, else native processes.`

/** What the command line asks for, or a text to print instead and the exit code. */
export function readOptions(
  args: readonly string[],
): Options | { readonly text: string; readonly exitCode: 0 | 2 } {
  try {
    const { values } = parseArgs({
      args: [...args],
      options: {
        transport: { type: 'string', default: 'memory' },
        records: { type: 'string', default: '20k' },
        external: { type: 'boolean', default: false },
        help: { type: 'boolean', default: false },
      },
    })
    if (values.help) return { text: usage, exitCode: 0 }
    return {
      transport: oneOf('--transport', values.transport, ['memory', 'kafka', 'rabbitmq']),
      records: oneOf('--records', values.records, ['20k', '200k']),
      external: values.external,
    }
  } catch (error) {
    return { text: `${error instanceof Error ? error.message : String(error)}\n\n${usage}`, exitCode: 2 }
  }
}

function oneOf<T extends string>(name: string, value: string, choices: readonly T[]): T {
  const choice = choices.find((other) => other === value)
  if (choice === undefined) throw new Error(`${name} may be ${choices.join(', ')}, not "${value}".`)
  return choice
}
