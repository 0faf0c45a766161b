/** Where a bus writes lines. `console` fits, and so do pino and winston through a one-line adapter. */
export interface Logger {
  debug(message: string, details?: Readonly<Record<string, unknown>>): void
  info(message: string, details?: Readonly<Record<string, unknown>>): void
  warn(message: string, details?: Readonly<Record<string, unknown>>): void
  error(message: string, details?: Readonly<Record<string, unknown>>): void
}

const ignore = (): void => undefined

/** The default: a library prints nothing unless asked. */
export const silentLogger: Logger = { debug: ignore, info: ignore, warn: ignore, error: ignore }

/** A logger that throws must not stop what it tells of, and there is nowhere else to say so. */
export function guarded(logger: Logger): Logger {
  const guard =
    (level: keyof Logger): Logger['info'] =>
    (message, details) => {
      try {
        logger[level](message, details)
      } catch {
        // Its owner's fault.
      }
    }
  return { debug: guard('debug'), info: guard('info'), warn: guard('warn'), error: guard('error') }
}
