/** What went wrong. Stable; the same over REST and on the socket. `network`: nobody answered, so its fate is open. */
export type Code =
  | "malformed" | "invalid" | "unauthenticated" | "forbidden" | "not_found" | "conflict" | "too_large"
  | "rate_limited" | "unavailable" | "internal" | "network"

/** A refusal by the server, or its silence. */
export class ParleyError extends Error {
  readonly code: Code
  /** Of the HTTP answer; 0 when there was none. */
  readonly status: number
  /** A sentence for a person. */
  readonly detail: string
  /** How long the server wants to be left alone. */
  readonly retryAfterMs?: number

  constructor(code: Code, detail: string, status = 0, retryAfterMs?: number) {
    super(`${code}: ${detail}`)
    this.name = "ParleyError"
    this.code = code
    this.detail = detail
    this.status = status
    if (retryAfterMs !== undefined) this.retryAfterMs = retryAfterMs
  }

  /** Whether the same thing, done again, may work. What is repeated with its nonce never happens twice. */
  get retryable(): boolean {
    return ["unavailable", "internal", "rate_limited", "network"].includes(this.code)
  }
}
