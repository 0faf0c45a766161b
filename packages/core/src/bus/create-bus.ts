import type { Bus } from './bus.js'
import type { BusOptions } from './options.js'

export declare function createBus(options: BusOptions): Bus
export declare function connect(options: BusOptions): Promise<Bus>
