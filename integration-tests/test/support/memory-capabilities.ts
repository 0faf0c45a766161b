import type { Capabilities } from '@waybill/core/spi'

/** What the memory transport can do: everything there is. */
export const memoryCapabilities: Capabilities = {
  inFlightPerPartition: 1,
  idempotentResend: true,
  acknowledgement: 'commit',
  progressBytes: 4_096,
  pausable: true,
  stablePositions: true,
  maxHandlerMs: undefined,
  backlogForNewGroup: true,
  rebalancesOnJoin: true,
  storesWithoutGroup: true,
  nullBody: true,
}
