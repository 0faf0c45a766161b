/** How often a property is tried: `WAYBILL_PROPERTY_FACTOR=100` looks a hundred times as deep. */
export const propertyRuns = (usual: number): number =>
  usual * Number(process.env['WAYBILL_PROPERTY_FACTOR'] ?? 1)

/** A property may take as long as that many runs need. */
export const propertyTimeoutMs: number = propertyRuns(60_000)
