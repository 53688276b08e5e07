import { setImmediate as turn } from "node:timers/promises"
import type { Client, Event, RoomInfo, SocketLike, StoredSession, User } from "../../src/index.ts"
import type { ClientFrame, ServerFrame } from "../../src/wire.ts"

/** A random number generator that repeats itself for the same seed (mulberry32). */
export function seeded(seed: number): () => number {
  return () => {
    seed = (seed + 0x6d2b79f5) | 0
    let t = Math.imul(seed ^ (seed >>> 15), 1 | seed)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296
  }
}

/** How likely each fault is, in percent. */
export interface Faults {
  /** The connection breaks before a command is carried out, or after. */
  drop: number
  /** A frame comes twice. */
  double: number
  /** An event changes places with the frame before it. */
  reorder: number
  /** An event does not come at all. */
  lose: number
  /** A frame or an answer takes up to 2 s. */
  delay: number
  /** A command or a call is put off with unavailable, internal or rate_limited. */
  busy: number
}

const none: Faults = { drop: 0, double: 0, reorder: 0, lose: 0, delay: 0, busy: 0 }

interface FakeRoom {
  info: RoomInfo
  log: Event[]
  members: Set<string>
}

/** A faithful server behind an unfaithful network. It keeps each nonce once and numbers without holes; frames get lost, late or doubled. */
export class Town {
  faults: Faults = none
  readonly rooms = new Map<string, FakeRoom>()
  readonly users = new Map<string, User>()
  readonly sockets = new Set<FakeSocket>()
  readonly hellos: Extract<ClientFrame, { type: "hello" }>[] = []
  readonly frames: ClientFrame[] = []
  readonly calls: string[] = []
  /** Answers a call in place of the town. */
  instead: ((method: string, path: string, init: RequestInit) => Response | undefined | Promise<Response | undefined>) | undefined
  down = false
  random: () => number
  #byNonce = new Map<string, Event>()
  #ids = 0

  constructor(random: () => number = Math.random) {
    this.random = random
  }

  chance(percent: number): boolean {
    return this.random() * 100 < percent
  }

  id(): string {
    return `00000000-0000-7000-8000-${String(++this.#ids).padStart(12, "0")}`
  }

  user(name: string): StoredSession {
    const user: User = { id: this.id(), username: name, display_name: name, kind: "person", role: "member", created_at: "2026-01-01T00:00:00.000Z" }
    this.users.set(user.id, user)
    return { user, session: { id: this.id(), access_token: `${user.id}/1`, access_expires_at: "2099-01-01T00:00:00.000Z", refresh_token: "r1" } }
  }

  room(...members: User[]): string {
    const id = this.id()
    const info: RoomInfo = {
      id, kind: "group", name: `room ${id.slice(-2)}`, topic: "", created_at: "2026-01-01T00:00:00.000Z", created_by: members[0]!.id,
      member_count: members.length, head: 0, read_only: false, archived: false, role: "member",
    }
    this.rooms.set(id, { info, log: [], members: new Set(members.map((member) => member.id)) })
    this.commit(id, members[0]!.id, "create", "room", undefined, { op: "create", kind: "group", members: members.map((member) => member.id) })
    return id
  }

  /** Makes an event, unless its nonce has made one. */
  commit(room: string, by: string, nonce: string, kind: Event["kind"], target: number | undefined, body: Event["body"], asked?: { socket: FakeSocket; ref: string }): Event {
    const key = `${room} ${by} ${nonce}`
    const before = this.#byNonce.get(key)
    if (before) {
      if (asked) asked.socket.say({ type: "ack", ref: asked.ref, event: before })
      return before
    }
    const { log, members } = this.rooms.get(room)!
    const event: Event = { room, seq: log.length + 1, id: this.id(), kind, by, at: new Date().toISOString(), nonce, body, ...(target && { target }) }
    this.#byNonce.set(key, event)
    log.push(event)
    for (const socket of this.sockets) {
      if (!socket.welcomed || !members.has(socket.user)) continue
      if (socket === asked?.socket) socket.say({ type: "ack", ref: asked.ref, event })
      else socket.say({ type: "event", event: strip(event) })
    }
    return event
  }

  say(room: string, by: User, text: string): Event {
    return this.commit(room, by.id, this.id(), "message", undefined, { text })
  }

  describe(room: string, user: string): RoomInfo {
    const { info, log, members } = this.rooms.get(room)!
    const last = log.at(-1)!
    return { ...info, head: log.length, member_count: members.size, read: 0, unread: 0, mentions: 0,
      last: last.by === user ? last : strip(last) }
  }

  /** What members have to be told on a new connection. */
  hello(socket: FakeSocket, cursors: Record<string, number>, limit: number): void {
    const mine = [...this.rooms].filter(([, { members }]) => members.has(socket.user))
    socket.welcomed = true
    socket.say({ type: "welcome", session: "s", user: this.users.get(socket.user)!, heartbeat_s: 25, server: { version: "fake" },
      rooms: mine.map(([id]) => this.describe(id, socket.user)) })
    for (const id of Object.keys(cursors)) if (!mine.some(([room]) => room === id)) socket.say({ type: "room_gone", room: id })
    for (const [id, { log }] of mine) {
      let cursor = cursors[id]
      if (cursor === undefined) continue
      if (cursor > log.length) {
        socket.say({ type: "reset", room: id, head: log.length })
        cursor = 0
      }
      if (log.length - cursor > limit) {
        cursor = log.length - limit
        socket.say({ type: "truncated", room: id, from: cursor + 1 })
      }
      for (const event of log.slice(cursor)) socket.say({ type: "event", event: strip(event) })
    }
  }

  /** Carries out a client's frame. */
  hear(socket: FakeSocket, frame: ClientFrame): void {
    this.frames.push(frame)
    switch (frame.type) {
      case "hello":
        this.hellos.push(frame)
        socket.user = frame.token!.split("/")[0]!
        socket.limit = frame.replay_limit ?? 500
        return this.#cursors(socket, frame)
      case "cursors":
        return this.#cursors(socket, frame)
      case "ping":
        return socket.say({ type: "pong" })
      case "auth":
        return socket.say({ type: "ack", ref: frame.ref })
      case "send":
      case "edit":
      case "delete":
      case "react":
        return this.#command(socket, frame)
    }
  }

  #cursors(socket: FakeSocket, frame: { cursors?: Record<string, number>; more?: boolean }): void {
    Object.assign(socket.cursors, frame.cursors)
    if (!frame.more) this.hello(socket, socket.cursors, socket.limit)
  }

  #command(socket: FakeSocket, frame: Extract<ClientFrame, { type: "send" | "edit" | "delete" | "react" }>): void {
    const { ref, room, nonce = ref } = frame
    if (this.chance(this.faults.busy)) {
      const code = (["unavailable", "internal", "rate_limited"] as const)[Math.floor(this.random() * 3)]!
      // Unavailable and internal leave open whether it has happened.
      if (code !== "rate_limited" && this.chance(50)) this.#carryOut(socket.user, frame, nonce)
      return socket.say({ type: "error", ref, code, detail: "later", retry_after_ms: 50 })
    }
    if (this.chance(this.faults.drop)) return socket.cut()
    if (!this.rooms.get(room)?.members.has(socket.user)) return socket.say({ type: "error", ref, code: "not_found", detail: "no such room" })
    if (frame.type === "send" && frame.text === "refuse me") return socket.say({ type: "error", ref, code: "forbidden", detail: "no" })
    this.#carryOut(socket.user, frame, nonce, { socket, ref })
    if (this.chance(this.faults.drop)) socket.cut()
  }

  #carryOut(user: string, frame: Extract<ClientFrame, { type: "send" | "edit" | "delete" | "react" }>, nonce: string, asked?: { socket: FakeSocket; ref: string }): void {
    const { room } = frame
    const refuse = (code: "not_found"): void => asked?.socket.say({ type: "error", ref: asked.ref, code, detail: code })
    const done = this.#byNonce.has(`${room} ${user} ${nonce}`)
    if (frame.type === "send") {
      const { text, reply_to, thread } = frame
      this.commit(room, user, nonce, "message", undefined, { text, ...(reply_to && { reply_to }), ...(thread && { thread }) }, asked)
    } else if (!done && (this.fold(room, user).get(frame.seq)?.deleted ?? true)) {
      if (frame.type === "delete") asked?.socket.say({ type: "ack", ref: asked.ref })
      else refuse("not_found")
    } else if (frame.type === "edit") {
      this.commit(room, user, nonce, "edit", frame.seq, { text: frame.text }, asked)
    } else if (frame.type === "delete") {
      this.commit(room, user, nonce, "delete", frame.seq, {}, asked)
    } else {
      const there = this.fold(room, user).get(frame.seq)!.reactions.get(frame.emoji)?.has(user) ?? false
      if (!done && there === (frame.op === "add")) asked?.socket.say({ type: "ack", ref: asked.ref })
      else this.commit(room, user, nonce, "reaction", frame.seq, { emoji: frame.emoji, op: frame.op }, asked)
    }
  }

  /** Every message as it stands, by a fold of its own: the simplest there is. */
  fold(room: string, _user: string): Map<number, { text: string; by: string; deleted: boolean; reactions: Map<string, Set<string>>; replies: number; thread?: number; reply_to?: number; at: string; id: string; edited?: string }> {
    const all: ReturnType<Town["fold"]> = new Map()
    for (const { seq, kind, body, target, by, at, id } of this.rooms.get(room)!.log) {
      const m = all.get(target ?? 0)
      if (kind === "message") {
        all.set(seq, { text: body.text!, by, at, id, deleted: false, reactions: new Map(), replies: 0, thread: body.thread!, reply_to: body.reply_to! })
        if (body.thread) all.get(body.thread)!.replies++
      } else if (kind === "edit") {
        Object.assign(m!, { text: body.text!, edited: at })
      } else if (kind === "delete") {
        Object.assign(m!, { text: "", deleted: true, reactions: new Map(), edited: undefined })
        if (m!.thread) all.get(m!.thread)!.replies--
      } else if (kind === "reaction") {
        const who = m!.reactions.get(body.emoji!) ?? new Set()
        if (body.op === "add") who.add(by)
        else who.delete(by)
        if (who.size) m!.reactions.set(body.emoji!, who)
        else m!.reactions.delete(body.emoji!)
      }
    }
    return all
  }

  /** REST, as far as the client needs it. */
  fetch = async (input: string | URL | Request, init: RequestInit = {}): Promise<Response> => {
    const url = new URL(String(input))
    const method = init.method ?? "GET"
    const path = url.pathname.replace("/v1/", "")
    this.calls.push(`${method} ${path}${url.search}`)
    if (this.chance(this.faults.delay)) await new Promise((resolve) => setTimeout(resolve, this.random() * 2000))
    const other = await this.instead?.(method, path, init)
    if (other) return other
    if (this.down || this.chance(this.faults.drop)) throw new TypeError("fetch failed")
    if (this.chance(this.faults.busy)) return problem(503, "unavailable")
    const user = (init.headers as Record<string, string>).Authorization?.slice("Bearer ".length).split("/")[0] ?? ""
    const [, room, what] = /^rooms\/([^/]+)\/?(\w*)/.exec(path) ?? []
    const number = (name: string): number => Number(url.searchParams.get(name) ?? 0)
    if (room && !this.rooms.get(room)?.members.has(user)) return problem(404, "not_found")
    if (what === "events") {
      const { log } = this.rooms.get(room!)!
      const events = log.slice(number("after"), number("after") + (number("limit") || 50)).map((event) => event.by === user ? event : strip(event))
      return Response.json({ events, head: log.length })
    }
    if (what === "messages") return Response.json(this.#history(room!, user, number("before"), number("after"), number("limit"), number("thread")))
    if (room) return Response.json(this.describe(room, user))
    if (path === "users/lookup") {
      const { ids } = JSON.parse(String(init.body)) as { ids: string[] }
      return Response.json({ users: ids.flatMap((id) => this.users.get(id) ?? []) })
    }
    return problem(404, "not_found")
  }

  #history(room: string, user: string, before: number, after: number, limit: number, thread: number): unknown {
    let messages = [...this.fold(room, user)].map(([seq, m]) => ({
      room, seq, id: m.id, by: m.by, at: m.at, text: m.text, deleted: m.deleted, reply_count: m.replies,
      ...(m.thread && { thread: m.thread }), ...(m.reply_to && { reply_to: m.reply_to }), ...(m.edited && { edited_at: m.edited }),
      reactions: [...m.reactions].map(([emoji, who]) => ({ emoji, count: who.size, users: [...who], me: who.has(user) })),
    })).filter((m) => (!before || m.seq < before) && m.seq > after && (!thread || m.seq === thread || m.thread === thread))
    const has_more = messages.length > limit
    messages = after ? messages.slice(0, limit) : messages.slice(-limit)
    return { messages, head: this.rooms.get(room)!.log.length, has_more }
  }

  /** Opens sockets to the town. */
  socket = (): SocketLike => new FakeSocket(this)

  /** Breaks every connection. */
  cut(): void {
    for (const socket of [...this.sockets]) socket.cut()
  }
}

/** Others are not told the nonce. */
function strip({ nonce: _, ...event }: Event): Event {
  return event
}

export function problem(status: number, code: string, headers: Record<string, string> = {}): Response {
  return Response.json({ code, detail: code, status }, { status, headers })
}

/** One connection to a {@link Town}. Frames come one behind the other, except where a fault says otherwise. */
export class FakeSocket implements SocketLike {
  onopen: ((event: never) => void) | null = null
  onmessage: ((event: never) => void) | null = null
  onclose: ((event: never) => void) | null = null
  onerror: ((event: never) => void) | null = null
  user = ""
  limit = 500
  cursors: Record<string, number> = {}
  welcomed = false
  #town: Town
  #closed = false
  #down: ServerFrame[] = []
  #carrying = false

  constructor(town: Town) {
    this.#town = town
    this.#soon(() => {
      if (this.#closed) return
      if (town.down) return this.cut()
      town.sockets.add(this)
      this.onopen?.({} as never)
    })
  }

  /** What the client sends. */
  send(text: string): void {
    const frame = JSON.parse(text) as ClientFrame
    if (text.length > 64 << 10) return this.cut(4413)
    queueMicrotask(() => !this.#closed && this.#town.hear(this, frame))
  }

  /** What the server sends. */
  say(frame: ServerFrame): void {
    const { faults } = this.#town
    const event = frame.type === "event"
    if (event && this.#town.chance(faults.lose)) return
    this.#down.push(frame)
    if (this.#town.chance(faults.double) && (event || frame.type === "ack")) this.#down.push(frame)
    const at = this.#down.length - 1
    if (event && at > 0 && this.#down[at - 1]!.type === "event" && this.#town.chance(faults.reorder)) {
      ;[this.#down[at - 1], this.#down[at]] = [this.#down[at]!, this.#down[at - 1]!]
    }
    this.#carry()
  }

  #carry(): void {
    if (this.#carrying) return
    this.#carrying = true
    this.#soon(() => {
      this.#carrying = false
      const frame = this.#down.shift()
      if (!frame || this.#closed) return
      if (this.#down.length) this.#carry()
      this.onmessage?.({ data: JSON.stringify(frame) } as never)
    })
  }

  #soon(fn: () => void): void {
    if (this.#town.chance(this.#town.faults.delay)) setTimeout(fn, this.#town.random() * 2000)
    else queueMicrotask(fn)
  }

  /** The client closes. */
  close(): void {
    this.#closed = true
    this.#town.sockets.delete(this)
  }

  /** The connection ends, with what is on its way. */
  cut(code = 1006, reason = ""): void {
    if (this.#closed) return
    this.close()
    queueMicrotask(() => this.onclose?.({ code, reason } as never))
  }
}

/** A token as a backend signs it, which says whose it is. */
export function signed(user: User, more: object = {}): string {
  return `${user.id}/x.${btoa(JSON.stringify({ iss: "backend", sub: user.username, ...more }))}.y`
}

/** Lets time pass by the mocked clock, until something is so. */
export async function passes(timers: { tick(ms: number): void }, until: () => boolean, atMost = 600_000, step = 50): Promise<void> {
  for (let passed = 0; !until(); passed += step) {
    if (passed > atMost) throw new Error(`it never came to be: ${until.toString()}`)
    timers.tick(step)
    for (let i = 0; i < 5; i++) await turn()
  }
}

/** Lets so much time pass. */
export async function waits(timers: { tick(ms: number): void }, ms: number): Promise<void> {
  let passed = -50
  await passes(timers, () => (passed += 50) >= ms, Infinity)
}

export function isOnline(client: Client): boolean {
  return client.connection.state.phase === "online"
}
