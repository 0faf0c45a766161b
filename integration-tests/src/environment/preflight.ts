import { type Choice, type Machine, chooseProvider } from './choose-provider.js'
import { installPackages } from './install-packages.js'
import { thisMachine } from './machine.js'
import { kafkaClassPath } from './native/kafka-distribution.js'

type Provided = Exclude<Choice, { provider: undefined }>

export interface PreflightOptions {
  /** Receives one line per step worth knowing. Default: standard error. */
  readonly log?: (line: string) => void
}

/**
 * Makes sure, before anything is started, that this machine can run brokers. As root on Debian or Ubuntu it installs
 * what is missing, after saying so, unless `WAYBILL_NO_INSTALL` is set. Downloads happen here, not in the first test.
 * @throws Error naming each missing piece and the command that installs it
 */
export async function preflight(options: PreflightOptions = {}): Promise<Provided> {
  const log = options.log ?? ((line) => void process.stderr.write(`brokers: ${line}\n`))
  const choice = await provide(thisMachine(log), installPackages, log)
  if (choice.provider === 'native') await kafkaClassPath(log)
  return choice
}

/** The decision of `preflight`, for any machine. */
export async function provide(
  machine: Machine,
  install: (packages: readonly string[]) => Promise<void>,
  log: (line: string) => void,
): Promise<Provided> {
  const choice = await chooseProvider(machine)
  if (choice.provider) return choice
  if (choice.installable.length === 0) throw new Error(choice.problem)
  log(`installing ${choice.installable.join(', ')} with apt-get (WAYBILL_NO_INSTALL=1 refuses)`)
  await install(choice.installable)
  const second = await chooseProvider(machine)
  if (!second.provider) throw new Error(`${second.problem}\nThe packages were installed and did not help.`)
  return second
}
