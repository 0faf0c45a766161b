/** Milliseconds that only grow, and are the same in every process of this machine. */
export const machineClockMs = (): number => Number(process.hrtime.bigint()) / 1e6
