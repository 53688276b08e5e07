import { operations, type Api } from "./api.generated.ts"
import { ParleyError, type Code } from "./error.ts"
import { uuid } from "./uuid.ts"

/** How one call is made. */
export interface CallOptions {
  /** Gives the call up. Without one it is given up after 30 seconds. */
  signal?: AbortSignal
  /** Names a call that makes something: repeated with the same key, it happens once. Made up if it is absent. */
  key?: string
}

/** Hands out access tokens; `refused` is one that the server does not take any more. */
export type Token = (refused?: string) => Promise<string>

const patience = 30_000

/** Makes the calls of a server's REST interface, in the name of whom `token` speaks for. @internal */
export function api(url: string, fetch: typeof globalThis.fetch, token?: Token): Api {
  const call = async (operation: string, input: Record<string, unknown> = {}, options: CallOptions = {}): Promise<unknown> => {
    const request = prepare(url, operation, input, options)
    if (!token) return answer(fetch, ...request)
    const access = await token()
    try {
      return await answer(fetch, ...bearing(request, access))
    } catch (refusal) {
      if (!(refusal instanceof ParleyError) || refusal.code !== "unauthenticated") throw refusal
      return answer(fetch, ...bearing(request, await token(access)))
    }
  }
  return Object.fromEntries(Object.entries(operations).map(([name, operation]) =>
    [name, (input?: Record<string, unknown>, options?: CallOptions) => call(operation, input, options)])) as unknown as Api
}

type Request = [url: string, init: Omit<RequestInit, "headers"> & { headers: Record<string, string> }]

function prepare(base: string, operation: string, input: Record<string, unknown>, options: CallOptions): Request {
  const [method, path] = operation.split(" ") as [string, string]
  const rest = { ...input }
  const filled = path.replace(/\{(\w+)\}/g, (_, name: string) => {
    const value = encodeURIComponent(String(rest[name]))
    delete rest[name]
    return value
  })
  const init: Request[1] = { method, headers: {}, signal: options.signal ?? AbortSignal.timeout(patience) }
  const given = Object.entries(rest).filter(([, value]) => value !== undefined)
  if (method === "GET") {
    const query = new URLSearchParams(given.map(([name, value]) => [name, String(value)])).toString()
    return [`${base}/v1/${filled}${query && "?" + query}`, init]
  }
  if (method === "POST") init.headers["Idempotency-Key"] = options.key ?? uuid()
  if (given.length) {
    init.headers["Content-Type"] = "application/json"
    init.body = JSON.stringify(rest)
  }
  return [`${base}/v1/${filled}`, init]
}

function bearing([url, init]: Request, token: string): Request {
  return [url, { ...init, headers: { ...init.headers, Authorization: `Bearer ${token}` } }]
}

async function answer(fetch: typeof globalThis.fetch, ...request: Request): Promise<unknown> {
  let response: Response
  let body: Record<string, unknown> | undefined
  try {
    response = await fetch(...request)
    const text = await response.text()
    if (text) body = JSON.parse(text) as Record<string, unknown>
  } catch (thrown) {
    throw new ParleyError("network", thrown instanceof SyntaxError ? "the answer makes no sense" : String((thrown as Error)?.message ?? thrown))
  }
  if (response.ok) return body
  const after = Number(response.headers.get("Retry-After") ?? NaN)
  throw new ParleyError((body?.code as Code) ?? (response.status < 500 ? "invalid" : "unavailable"),
    String(body?.detail ?? response.statusText), response.status, after >= 0 ? after * 1000 : undefined)
}
