import type { Machine } from './choose-provider.js'
import { findOnPath, missingPrograms } from './programs.js'

/** The machine we run on. */
export function thisMachine(log: (line: string) => void): Machine {
  return {
    env: process.env,
    isRoot: process.getuid?.() === 0,
    packageManager: findOnPath('apt-get') ? 'apt' : findOnPath('brew') ? 'brew' : undefined,
    images: async () => {
      const { resolveImages } = await import('./containers/images.js')
      return resolveImages(process.env, log)
    },
    missingPrograms,
  }
}
