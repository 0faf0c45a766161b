import type { Images } from './images.js'

/** What every container needs of its environment. */
export interface ContainerContext {
  readonly images: Images
  /** `name=value` that every container carries. */
  readonly label: string
}
