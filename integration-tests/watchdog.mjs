// Ends what a process started after that process is gone, however it went.
//
// The owner holds the other end of standard input and writes one line per resource: "+group 4711" guards it,
// "-group 4711" releases it. When the owner ends, the pipe closes and what is still guarded is removed.
// Plain JavaScript, because it must run beside sources and beside builds.
import { rmSync } from 'node:fs'
import { createInterface } from 'node:readline'

/** @type {Set<string>} */
const guarded = new Set()

for await (const line of createInterface({ input: process.stdin })) {
  if (line.startsWith('+')) guarded.add(line.slice(1))
  else guarded.delete(line.slice(1))
}

for (const group of guardedOf('group')) killGroup(Number(group))
for (const label of guardedOf('containers')) await removeContainers(label)
for (const folder of guardedOf('folder')) rmSync(folder, { recursive: true, force: true, maxRetries: 20 })

/** @param {string} kind */
function guardedOf(kind) {
  return [...guarded]
    .filter((entry) => entry.startsWith(`${kind} `))
    .map((entry) => entry.slice(kind.length + 1))
}

/** @param {number} group */
function killGroup(group) {
  try {
    process.kill(-group, 'SIGKILL')
  } catch {
    // It has ended already.
  }
}

/** @param {string} label */
async function removeContainers(label) {
  const { getContainerRuntimeClient } = await import('testcontainers')
  const { dockerode } = (await getContainerRuntimeClient()).container
  const containers = await dockerode.listContainers({ all: true, filters: { label: [label] } })
  for (const { Id } of containers) await dockerode.getContainer(Id).remove({ force: true, v: true })
  const networks = await dockerode.listNetworks({ filters: { label: [label] } })
  for (const { Id } of networks) await dockerode.getNetwork(Id).remove()
}
