import { PublishError } from '../error/kinds.js'
import { isThenable } from '../thenable.js'
import type { StandardIssue, StandardResult } from '../topic/standard-schema.js'
import type { ErasedTopic } from '../topic/topic.js'
import type { Refuse } from './refuse.js'

/** Refuses a value now, or later where the schema answers with a promise. */
export function validate(topic: ErasedTopic, value: unknown, refuse: Refuse): Promise<void> | undefined {
  if (topic.schema === undefined) return undefined
  const check = (result: StandardResult<unknown>): void => {
    if (result.issues !== undefined)
      throw refuse('SCHEMA_REFUSED', `its schema refuses the value: ${describeIssues(result.issues)}.`)
  }
  const failed = (cause: unknown): never => {
    if (cause instanceof PublishError) throw cause
    throw refuse('SCHEMA_REFUSED', 'its schema threw while it validated the value; see the cause.', cause)
  }
  try {
    const result = topic.schema['~standard'].validate(value)
    if (isThenable(result)) return Promise.resolve(result).then(check).catch(failed)
    check(result)
    return undefined
  } catch (cause) {
    return failed(cause)
  }
}

/** Issues as one line, without the values. */
export function describeIssues(issues: readonly StandardIssue[]): string {
  return issues
    .slice(0, 5)
    .map((issue) => {
      const path = (issue.path ?? [])
        .map((part) => String(typeof part === 'object' ? part.key : part))
        .join('.')
      return path === '' ? issue.message : `${path}: ${issue.message}`
    })
    .join('; ')
}
