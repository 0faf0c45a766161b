import { randomUUID } from 'node:crypto'
import { getContainerRuntimeClient } from 'testcontainers'

/** A network in which containers find each other by name. */
export interface ContainerNetwork {
  readonly name: string
  remove(): Promise<void>
}

/** `label` marks it for the watchdog. */
export async function createNetwork(label: string): Promise<ContainerNetwork> {
  const { network: networks } = await getContainerRuntimeClient()
  const name = `waybill-${randomUUID()}`
  const [labelName = '', labelValue = ''] = label.split('=')
  const network = await networks.create({ Name: name, Driver: 'bridge', Labels: { [labelName]: labelValue } })
  return { name, remove: () => networks.remove(network) }
}
