import { backoff } from "./backoff.ts"
import { ParleyError } from "./error.ts"
import { claims } from "./jwt.ts"
import type { ConnectionState, Reason } from "./model.ts"
import type { Platform } from "./platform.ts"
import type { Token } from "./rest.ts"
import type { ClientFrame, ServerFrame, Wire } from "./wire.ts"

/** The part of a WebSocket that is used. */
export interface SocketLike {
  send(text: string): void
  close(code?: number): void
  onopen: ((event: never) => void) | null
  onmessage: ((event: never) => void) | null
  onclose: ((event: never) => void) | null
  onerror: ((event: never) => void) | null
}

/** Opens a websocket, as `new WebSocket(url)` does. */
export type SocketFactory = (url: string) => SocketLike

/** What a {@link Link} needs of who uses it. */
export interface LinkOptions {
  url: string
  socket: SocketFactory
  token: Token
  platform: Platform
  /** The hello without its token. */
  hello: () => Omit<Wire<"HelloFrame">, "type" | "token">
  onFrame: (frame: ServerFrame) => void
  onState: (state: ConnectionState) => void
}

const pingEvery = 25_000
const pongWithin = 10_000
const welcomeWithin = 15_000
/** A connection that held for so long has ended the row of attempts. */
const steadyAfter = 5_000
/** So many cursors fit into a frame of 64 KiB, beside a token. */
const cursorsPerFrame = 800

/** Close codes after which coming back makes no sense. */
const final: Record<number, string> = {
  4400: "the server did not understand this client",
  4403: "the server refused the connection",
  4409: "the session was ended",
  4413: "a frame was too large",
}

/** One user's connection, kept up: it comes back after every loss for as long as that makes sense. */
export class Link {
  #o: LinkOptions
  #socket: SocketLike | undefined
  #welcomed = 0 // when; 0: not
  #attempt = 0
  #token = ""
  #refused: string | undefined // the token that the server closed with 4401
  #refusals = 0
  #comeBack: number | undefined // after how many milliseconds the server wants us back
  #retry: ReturnType<typeof setTimeout> | undefined
  #pulse: ReturnType<typeof setTimeout> | undefined
  #renewal: ReturnType<typeof setTimeout> | undefined
  #ended = false

  constructor(options: LinkOptions) {
    this.#o = options
  }

  start(): void {
    for (const event of ["online", "offline", "visibilitychange"]) this.#o.platform.events?.addEventListener(event, this.#environment)
    void this.#connect()
  }

  /** Ends the connection and everything that would bring it back. */
  stop(): void {
    this.#ended = true
    for (const event of ["online", "offline", "visibilitychange"]) this.#o.platform.events?.removeEventListener(event, this.#environment)
    clearTimeout(this.#retry)
    this.#drop(1000)
  }

  /** Connects now, if it is only waiting. */
  retryNow(): void {
    if (this.#ended || this.#retry === undefined) return
    void this.#connect()
  }

  get online(): boolean {
    return this.#welcomed > 0
  }

  /** Sends a frame; false when there is no welcomed connection, and then nothing happened. */
  send(frame: ClientFrame): boolean {
    if (!this.#welcomed) return false
    this.#socket!.send(JSON.stringify(frame))
    return true
  }

  #environment = (event: { type: string }): void => {
    if (event.type === "offline") {
      if (this.#socket) this.#lost(1006, "offline")
    } else {
      this.retryNow()
      // Timers sleep with the machine: find out at once whether the connection has outlived it.
      if (this.#welcomed) this.#ping()
    }
  }

  async #connect(): Promise<void> {
    clearTimeout(this.#retry)
    this.#retry = undefined
    this.#o.onState({ phase: "connecting", attempt: this.#attempt })
    try {
      this.#token = await this.#o.token(this.#refused)
    } catch (thrown) {
      if (this.#ended) return
      const refusal = thrown instanceof ParleyError ? thrown : new ParleyError("network", String(thrown))
      if (refusal.retryable) return this.#wait({ code: refusal.code, text: refusal.detail }, refusal.retryAfterMs)
      return this.#end({ code: refusal.code, text: refusal.detail })
    }
    if (this.#ended || this.#socket) return
    const socket = (this.#socket = this.#o.socket(this.#o.url))
    const current = () => this.#socket === socket
    socket.onopen = () => current() && this.#greet(socket)
    socket.onmessage = (event: { data: unknown }) => current() && this.#read(String(event.data))
    socket.onclose = (event: { code: number; reason: string }) => current() && this.#lost(event.code, event.reason)
    socket.onerror = () => undefined // its close follows
    this.#pulse = setTimeout(() => this.#lost(1006, "no welcome came"), welcomeWithin)
  }

  #greet(socket: SocketLike): void {
    const { cursors = {}, ...hello } = this.#o.hello()
    const all = Object.entries(cursors)
    for (let at = 0; at === 0 || at < all.length; at += cursorsPerFrame) {
      const head = at === 0 ? { type: "hello", token: this.#token, ...hello } : { type: "cursors" }
      const more = at + cursorsPerFrame < all.length && { more: true }
      socket.send(JSON.stringify({ ...head, cursors: Object.fromEntries(all.slice(at, at + cursorsPerFrame)), ...more }))
    }
  }

  #read(text: string): void {
    let frame: ServerFrame
    try {
      frame = JSON.parse(text) as ServerFrame
    } catch {
      return this.#lost(1011, "the server makes no sense")
    }
    if (frame.type === "welcome") this.#welcomed = Date.now()
    if (this.#welcomed) this.#rest()
    else if (frame.type === "error") this.#comeBack = frame.retry_after_ms
    if (frame.type === "bye") this.#comeBack = frame.reconnect_after_ms
    this.#o.onFrame(frame)
    if (frame.type !== "welcome") return
    this.#refusals = 0
    this.#refused = undefined
    this.#renewLater()
    this.#o.onState({ phase: "online", leader: true })
  }

  /** Any frame is a sign of life. */
  #rest(): void {
    clearTimeout(this.#pulse)
    this.#pulse = setTimeout(() => this.#ping(), pingEvery)
  }

  #ping(): void {
    clearTimeout(this.#pulse)
    this.#pulse = setTimeout(() => this.#lost(1006, "the server is silent"), pongWithin)
    this.send({ type: "ping" })
  }

  /** Shows the server another token before the one that it knows runs out. */
  #renewLater(): void {
    clearTimeout(this.#renewal)
    const { iat = NaN, exp = NaN } = claims(this.#token)
    const whole = (exp - iat) * 1000
    let life = exp * 1000 - Date.now()
    if (whole > 0 && !(life > 0 && life <= whole)) life = whole // the server believes it, so this machine's clock is wrong
    if (!(life > 0)) return
    // setTimeout cannot wait for longer than 2^31 milliseconds.
    this.#renewal = setTimeout(() => void this.#renew(), Math.min(Math.max(life / 2, life - 60_000), 2 ** 31 - 1))
  }

  async #renew(): Promise<void> {
    try {
      const token = await this.#o.token(this.#token)
      if (!this.#welcomed || token === this.#token) return
      this.#token = token
      this.send({ type: "auth", ref: "auth", token })
      this.#renewLater()
    } catch {
      // The server closes with 4401 when the token runs out, and then it is tried again.
    }
  }

  #lost(code: number, text: string): void {
    if (this.#welcomed && Date.now() - this.#welcomed >= steadyAfter) this.#attempt = 0
    this.#drop()
    const told = final[code]
    if (told) return this.#end({ code, text: told })
    const reason = { code, text: text || "the connection was lost" }
    if (code !== 4401) return this.#wait(reason, this.#comeBack)
    this.#refused = this.#token
    // A server that refuses even fresh tokens is not worth a fourth one.
    if (++this.#refusals > 3) return this.#end({ code, text: "the server takes none of our tokens" })
    this.#wait(reason, this.#refusals > 1 ? undefined : 0)
  }

  #drop(code?: number): void {
    clearTimeout(this.#pulse)
    clearTimeout(this.#renewal)
    const socket = this.#socket
    this.#socket = undefined
    this.#welcomed = 0
    socket?.close(code)
  }

  #wait(reason: Reason, after?: number): void {
    const attempt = this.#attempt++
    const ms = after ?? backoff(attempt)
    this.#comeBack = undefined
    this.#retry = setTimeout(() => void this.#connect(), ms)
    this.#o.onState(this.#o.platform.onLine() ? { phase: "waiting", attempt, retryAt: Date.now() + ms, reason }
      : { phase: "offline", reason: { code: "offline", text: "there is no network" } })
  }

  #end(reason: Reason): void {
    this.stop()
    this.#o.onState({ phase: "ended", reason })
  }
}
