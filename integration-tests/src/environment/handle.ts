import type { BrokerHandle, NodeHandle } from './broker.js'
import { type ManagedNode, startNode } from './node.js'

/** A node with what tells that it serves. */
export interface ServingNode {
  readonly managed: ManagedNode
  readonly url: string
  readonly probe: () => Promise<unknown>
}

export function nodeHandle({ managed, url, probe }: ServingNode): NodeHandle {
  return {
    name: managed.name,
    url,
    kill: () => managed.kill(),
    pause: () => managed.pause(),
    resume: () => managed.resume(),
    restart: async () => {
      await managed.kill()
      await startNode(managed, probe)
    },
  }
}

/** The part that handles of all brokers share: a fault of the broker is that fault of all its nodes. */
export function brokerHandle<K extends BrokerHandle['kind']>(
  kind: K,
  version: string,
  url: string,
  nodes: readonly ServingNode[],
  remove: () => Promise<void>,
): BrokerHandle & { readonly kind: K } {
  const handles = nodes.map(nodeHandle)
  const all = async (act: (node: NodeHandle) => Promise<void>) => void (await Promise.all(handles.map(act)))
  let stopped: Promise<void> | undefined
  return {
    kind,
    version,
    url,
    nodes: handles,
    kill: () => all((node) => node.kill()),
    pause: () => all((node) => node.pause()),
    resume: () => all((node) => node.resume()),
    restart: () => all((node) => node.restart()),
    stop: () => {
      stopped ??= all((node) => node.kill()).then(remove)
      return stopped
    },
  }
}
