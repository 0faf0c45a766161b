import { ConfigError, type ConfigProblem } from '../error/kinds.js'

/** One option: its default (`undefined`: something else decides, or nothing does) and its bounds. */
export type Option =
  | {
      readonly kind: 'number'
      readonly default: number | undefined
      readonly min: number
      readonly max: number
    }
  | {
      readonly kind: 'choice'
      readonly default: string | boolean
      readonly choices: readonly (string | boolean)[]
    }
  | { readonly kind: 'text'; readonly default: string | undefined }

/** One option for each setting. The table in `docs/options.md` is compared with these. */
export type OptionTable<Settings> = { readonly [K in keyof Required<Settings>]: Option }

/** A whole number from `min` to `max`. */
export const number = (byDefault: number | undefined, min: number, max: number): Option => ({
  kind: 'number',
  default: byDefault,
  min,
  max,
})

export const choice = (byDefault: string | boolean, choices: readonly (string | boolean)[]): Option => ({
  kind: 'choice',
  default: byDefault,
  choices,
})

/** A string that is not empty. */
export const text = (byDefault?: string): Option => ({ kind: 'text', default: byDefault })

/** @throws ConfigError when options are not an object at all, which JavaScript allows */
export function mustBeOptions(subject: string, given: unknown): void {
  if (typeof given === 'object' && given !== null) return
  const message = `must be an object, not ${show(given)}`
  throw new ConfigError(subject, [{ code: 'CONFIG_INVALID', path: 'options', message }])
}

/**
 * Fills in defaults and checks every bound. Problems are added to `problems` rather than thrown, so
 * that a caller can report all of them at once. Options that are not in the table are the caller's.
 */
export function resolveOptions<Settings extends object>(
  table: OptionTable<Settings>,
  given: Partial<Settings>,
  problems: ConfigProblem[],
): Settings {
  const resolved: Record<string, unknown> = {}
  for (const [name, option] of Object.entries<Option>(table)) {
    const value = (given as Record<string, unknown>)[name]
    const wrong = value === undefined ? undefined : whatIsWrong(option, value)
    if (wrong !== undefined) problems.push({ code: 'CONFIG_INVALID', path: name, message: wrong })
    resolved[name] = value ?? option.default
  }
  return resolved as Settings
}

function whatIsWrong(option: Option, value: unknown): string | undefined {
  switch (option.kind) {
    case 'number':
      return Number.isInteger(value) && Number(value) >= option.min && Number(value) <= option.max
        ? undefined
        : `must be a whole number from ${option.min} to ${option.max}, not ${show(value)}`
    case 'choice':
      return option.choices.some((allowed) => allowed === value)
        ? undefined
        : `must be one of ${option.choices.map(show).join(', ')}, not ${show(value)}`
    case 'text':
      return typeof value === 'string' && value !== ''
        ? undefined
        : `must be a string that is not empty, not ${show(value)}`
  }
}

/** A value as an error message can show it; of objects only the type, for they may hold secrets. */
export function show(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value.length > 60 ? `${value.slice(0, 57)}...` : value)
  if (typeof value === 'object' && value !== null) return Array.isArray(value) ? 'an array' : 'an object'
  return typeof value === 'function' ? 'a function' : String(value)
}

/** Names in `given` that no table and no list knows: mostly misspelt, so they are problems. */
export function refuseUnknown(given: object, known: readonly string[], problems: ConfigProblem[]): void {
  for (const name of Object.keys(given)) {
    if (!known.includes(name)) {
      problems.push({
        code: 'CONFIG_INVALID',
        path: name,
        message: `is not an option; there are ${known.join(', ')}`,
      })
    }
  }
}
