import type { ErrorCode } from '../error/codes.js'
import type { PublishError } from '../error/kinds.js'

/** Makes the error of a message that is refused before anything is sent; `message` ends the sentence "was not published:". */
export type Refuse = (code: ErrorCode, message: string, cause?: unknown) => PublishError
