import type { Api } from "./api.generated.ts"
import { ParleyError } from "./error.ts"
import { fromEvent, fromHistory } from "./fold.ts"
import { Inbox } from "./inbox.ts"
import { claims } from "./jwt.ts"
import { Link, type SocketFactory } from "./link.ts"
import type { ConnectionState, Event, Item, Message, Reason, RoomInfo, Status, StoredSession, User } from "./model.ts"
import { guarded, Observable } from "./observable.ts"
import { Outbox, type Command, type Entry } from "./outbox.ts"
import { Directory, PresenceList } from "./people.ts"
import { thisPlatform, type Platform } from "./platform.ts"
import { api, type Token } from "./rest.ts"
import { Room } from "./room.ts"
import { RoomList } from "./rooms.ts"
import { asking, defaultSessions, renewing, trimmed, type SessionStore } from "./session.ts"
import { defaultStorage, type Storage } from "./storage.ts"
import { Tabs } from "./tabs.ts"
import type { Page } from "./timeline.ts"
import { uuid } from "./uuid.ts"
import type { ClientFrame, ServerFrame, Wire } from "./wire.ts"

/** How a {@link Client} is made. It needs `session` or `token`. */
export interface ClientOptions {
  /** Of the server, such as `https://chat.example.org`. In a page that the server serves itself, `location.origin`. */
  url: string
  /** Who is signed in, from {@link signIn}, {@link signUp} or a {@link SessionStore}. Its tokens are renewed. */
  session?: StoredSession
  /**
   * Gives an access token that your own backend has signed; asked again when the server does not take it any more. All are of one user:
   * one of somebody else ends the client. What is stored is kept by `iss` and `sub`, and is there once the first token is.
   */
  token?: () => Promise<string>
  /** Where renewed tokens are kept. Default: localStorage in browsers, else memory. */
  sessions?: SessionStore
  /** Where rooms, cursors, drafts and what waits to be sent are kept. Default: IndexedDB in browsers, else memory. */
  storage?: Storage
  /** Whether all tabs of the browser share one socket. Default: where there are Web Locks. */
  shareTabs?: boolean
  /** Opens websockets. Default: the global WebSocket; Node 20 has none, give `(url) => new WebSocket(url)` of package `ws`. */
  socket?: SocketFactory
  fetch?: typeof fetch
  /** How many missed events per room the server replays; what is before them is fetched. Default: 500. */
  replayLimit?: number
  /** The longest gap, in events, that is fetched; timelines are loaded anew after longer ones. Default: 2000. A bot that must miss nothing gives Infinity. */
  gapLimit?: number
  /** How the session is called in the list of sessions. */
  device?: string
  platform?: Partial<Platform>
}

/** What a {@link Client} tells. */
export interface ClientEvents {
  /** My profile has changed. */
  me: { user: User }
  /** A message, mine too. `live`: it has just been said; else it was missed and comes now. */
  message: { room: Room; message: Message; live: boolean }
  /** A message of somebody else calls me. */
  mention: { room: Room; message: Message; live: boolean }
  /** I am in a room that I was not in. */
  room: { room: Room }
  room_gone: { id: string; name: string }
  /** Events between the two numbers were too many to fetch. */
  gap: { room: Room; after: number; from: number }
  /** It is over: signed out, or the server ended the session. */
  ended: { reason: Reason }
  /** A refusal of something that nobody waits for, or storage that fails. */
  error: { error: Error }
}

/** What tabs tell each other. */
type Note =
  | { kind: "frame"; frame: ServerFrame }
  | { kind: "room"; room: RoomInfo }
  | { kind: "state"; state: ConnectionState }
  | { kind: "hello" }
  | { kind: "lead" }
  | { kind: "sync"; me: User; rooms: StoredRoom[]; entries: Entry[]; state: ConnectionState }
  | { kind: "command"; entry: Entry }
  | { kind: "decide"; what: "retry" | "discard"; nonce: string }
  | { kind: "hint"; frame: ClientFrame }
  | { kind: "read"; room: string; seq: number }
  | { kind: "draft"; room: string; text: string }
  | { kind: "watch"; tab: string; ids: string[] }
  | { kind: "retry" }
  | { kind: "ended"; reason: Reason }

interface StoredRoom {
  info: RoomInfo
  cursor: number
  last?: Item | undefined
}

const stored = (room: Room): StoredRoom => ({ info: room.info, cursor: room.cursor, last: room.last })
const nobody = { id: "", username: "", display_name: "", kind: "person", role: "member", created_at: "" } satisfies User
/** How long changes gather before they are stored, and marks before they are told, in milliseconds. */
const gather = 300
/** A replay that has come to a stop for so long, in milliseconds, is not waited for. */
const stalled = 5_000
const maxWatched = 1_000
/** After these a page may never run again. */
const leaving = ["pagehide", "visibilitychange"]

/** The connection, to be shown. */
export class Connection extends Observable {
  #state: ConnectionState = { phase: "idle" }
  #retry: () => void

  /** @internal */
  constructor(retry: () => void) {
    super()
    this.#retry = retry
  }

  get state(): ConnectionState {
    return this.#state
  }

  /** Does not wait for the next attempt. */
  retryNow(): void {
    this.#retry()
  }

  /** @internal */
  set(state: ConnectionState): void {
    this.#state = state
    this.changed()
  }
}

/**
 * One user's client. It keeps one connection up, comes back after every loss with what it has seen, and repeats what was not
 * answered: every event of my rooms is applied exactly once and in order, and everything that is said happens once.
 */
export class Client {
  /** Every REST call; tokens are renewed by themselves. */
  readonly api: Api
  readonly connection: Connection
  readonly rooms: RoomList
  readonly users: Directory
  readonly presence: PresenceList
  /** Clears the session where it is kept, unless another one has taken its place. */
  readonly clearSession: () => Promise<void>

  #o: ClientOptions
  #url: string
  #token: Token
  #storage: Storage
  #platform: Platform
  #me: User
  #inbox: Inbox
  #outbox: Outbox
  #core: ConstructorParameters<typeof Room>[0]
  #tabs: Tabs<Note> | undefined
  #link: Link | undefined
  #tab = uuid()
  #prefix = this.#tab // until it is known whose client this is
  #synced = false
  #restored: Promise<void> | undefined
  #handlers = new Map<string, Set<{ fn: (event: never) => void }>>()
  #dirty = new Set<Room>()
  #marks = new Set<Room>()
  #delivered = new Map<string, number>()
  #watches = new Map<string, string[]>()
  #status: Wire<"StatusFrame"> | undefined
  #flushing: ReturnType<typeof setTimeout> | undefined
  #telling: ReturnType<typeof setTimeout> | undefined
  #chasing: ReturnType<typeof setTimeout> | undefined
  #heard = 0
  #people = 0 // the version of the directory that is stored
  #writes = new Set<Promise<void>>()

  constructor(options: ClientOptions) {
    const { session, token } = options
    const fetch = (options.fetch ?? globalThis.fetch).bind(globalThis)
    if (!session && !token) throw new TypeError("a client needs a session or a token")
    if (!options.socket && typeof WebSocket === "undefined") throw new TypeError("there is no WebSocket here: give a socket")
    this.#o = options
    this.#url = trimmed(options.url)
    this.#platform = { ...thisPlatform(), ...options.platform }
    this.#storage = options.storage ?? defaultStorage()
    this.#me = session?.user ?? nobody
    ;[this.#token, this.clearSession] = token ? [asking(token, async (given) => {
      const { iss, sub } = claims(given)
      return this.#enter(sub && JSON.stringify([iss, sub]))
    }), async () => undefined]
      : renewing(this.#url, fetch, session!, options.sessions ?? defaultSessions(), this.#platform.locks)
    this.api = this.#watchful(api(this.#url, fetch, this.#token))
    this.connection = new Connection(() => (this.#link ? this.#link.retryNow() : this.#tabs?.tell({ kind: "retry" })))
    this.rooms = new RoomList()
    this.users = new Directory(this.api)
    this.presence = new PresenceList()
    this.#inbox = new Inbox({
      deliver: (event, live) => this.#deliver(event, live),
      skipped: (room, after, from) => this.#skipped(room, after, from),
      fetch: async (room, after) => (await this.api.events({ room, after, limit: 200 })).events,
      caughtUp: () => this.#outbox.pump(),
    }, options.gapLimit ?? 2_000)
    this.#outbox = new Outbox({
      send: (frame) => this.#link?.send(frame) ?? false,
      ready: (room) => (this.#link?.online ?? false) && this.#inbox.caughtUp(room),
      changed: (room) => this.rooms.get(room)?.waitingChanged(),
      store: (nonce, entry) => this.#store(`out|${nonce}`, entry),
    })
    this.#core = this.#makeCore()
    this.users.subscribe(() => this.#soon())
    if (!token) void this.#enter(session!.user.id)
  }

  /** My own profile. Before the first welcome of a client with `token` it is empty. */
  get me(): User {
    return this.users.known(this.#me.id) ?? this.#me
  }

  /**
   * Connects, and stays connected until {@link close}. What is stored is there before anything is connected; with `token`, as soon as
   * there is one, which says whose it is.
   */
  connect(): void {
    if (this.#restored) return void this.#restored.then(() => this.#open())
    if (this.#link) return
    // This link gets a token and goes.
    const link = (this.#link = this.#newLink(async () => {
      const token = await this.#token()
      if (this.#link === link) {
        link.stop()
        this.#link = undefined
        this.#open()
      }
      return token
    }))
    link.start()
  }

  #open(): void {
    if (this.#tabs) return
    const { locks } = this.#platform
    this.connection.set({ phase: "connecting", attempt: 0 })
    this.#tabs = new Tabs<Note>(`parley|${this.#prefix}`, (this.#o.shareTabs ?? !!locks) ? this.#platform : undefined,
      () => void this.#lead(), (note) => this.#hear(note))
    this.#tabs.tell({ kind: "hello" })
    for (const event of leaving) this.#platform.events?.addEventListener(event, this.#left)
  }

  /** Ends the connection and all timers. What waits to be sent stays stored. */
  async close(): Promise<void> {
    await this.#restored
    this.#tellWatch([])
    this.#disconnect()
    if (this.connection.state.phase !== "ended") this.connection.set({ phase: "idle" })
    await this.#flush()
    await Promise.all(this.#writes)
  }

  /** Ends the session, here and on the server, and forgets everything that is stored of this user. */
  async signOut(): Promise<void> {
    const reason = { code: "signed_out", text: "signed out" }
    await this.#restored
    this.#link?.stop()
    try {
      await this.api.signOut()
    } catch (refusal) {
      if ((refusal as ParleyError).code !== "unauthenticated") throw refusal
    } finally {
      this.#tabs?.tell({ kind: "ended", reason })
      this.#end(reason)
      await this.clearSession()
      await Promise.all(this.#writes)
      await Promise.all((await this.#storage.keys(this.#prefix)).map((key) => this.#storage.delete(key)))
    }
  }

  /** Calls `fn` with every event of that name. Returns how to stop that. */
  on<Name extends keyof ClientEvents>(name: Name, fn: (event: ClientEvents[Name]) => void): () => void {
    const handlers = this.#handlers.get(name) ?? new Set()
    this.#handlers.set(name, handlers)
    const handler = { fn }
    handlers.add(handler)
    return () => void handlers.delete(handler)
  }

  /** Says how present I am. */
  async setStatus(status: Status, text?: string): Promise<void> {
    this.#hint({ type: "status", status, ...(text && { text }) })
  }

  /** Asks for the presence, and for changes of the profiles, of so many people, at most 1000 in all tabs together, in place of those whom this tab asked for before. */
  watchPresence(ids: string[]): void {
    this.#watch(this.#tab, ids)
    this.#tellWatch()
  }

  /** Messages with these words in my rooms, the newest first. Highlights are [start, end) in the message's text. */
  async search(q: string, options: { room?: string; from?: string; before?: string; cursor?: string } = {}): Promise<{
    results: { message: Message; room: Room | RoomInfo; highlights: [number, number][] }[]
    next_cursor?: string
  }> {
    const { results, next_cursor } = await this.api.search({ q, ...options })
    const found = results.map(async ({ message, room, highlights }) => ({
      message: fromHistory(message),
      room: this.rooms.get(room) ?? await this.api.getRoom({ room }),
      highlights: inCharacters(message.text, highlights as [number, number][]),
    }))
    return { results: await Promise.all(found), ...(next_cursor && { next_cursor }) }
  }

  /** Makes a room. Members are ids or `@usernames`. A direct room that exists already is that room. */
  async createRoom(room: Wire<"CreateRoomInBody">): Promise<Room> {
    return this.#adopt(await this.api.createRoom(room))
  }

  /** Enters a public channel. */
  async joinRoom(id: string): Promise<Room> {
    return this.#adopt(await this.api.joinRoom({ room: id }))
  }

  // ---- what is stored

  /** Reads what is stored of whom this client is for. It is for nobody else from then on. */
  #enter(who: string | undefined): Promise<void> {
    const prefix = `${this.#url}|${who}|`
    if (!who || (this.#restored && prefix !== this.#prefix)) throw new ParleyError("unauthenticated", "the token is not of this user", 401)
    this.#prefix = prefix
    return (this.#restored ??= this.#restore().catch((error) => this.#emit("error", { error })))
  }

  async #restore(): Promise<void> {
    const [people, rooms, drafts] = await Promise.all([
      this.#storage.get(this.#prefix + "people") as Promise<{ me: User; users: User[] } | undefined>,
      this.#read<StoredRoom>("room|"), this.#read<string>("draft|")])
    if (people) {
      this.users.learn(people.users, false)
      if (this.#me === nobody) this.#me = people.me
    }
    for (const [, { info, cursor, last }] of rooms) this.#place({ info, cursor, last })
    for (const [id, text] of drafts) this.rooms.get(id)?.restore(text, undefined)
    await this.#readOutbox()
    if (rooms.length) this.rooms.load()
  }

  async #readOutbox(): Promise<void> {
    for (const [, entry] of await this.#read<Entry>("out|")) this.#outbox.take(entry)
  }

  /** What is stored under keys that begin so, by the rest of them. Another tab may take some away meanwhile. */
  async #read<T>(kind: string): Promise<[string, T][]> {
    const prefix = this.#prefix + kind
    const keys = await this.#storage.keys(prefix)
    const found = await Promise.all(keys.map(async (key): Promise<[string, T]> => [key.slice(prefix.length), await this.#storage.get(key) as T]))
    return found.filter(([, value]) => value)
  }

  /** A room as it was left, here or in another tab. */
  #place({ info, cursor, last }: StoredRoom): void {
    this.#inbox.restore(info.id, cursor)
    const room = new Room(this.#core, info)
    room.restore(undefined, last)
    this.rooms.put(room)
  }

  #store(key: string, value: unknown): void {
    if (this.connection.state.phase === "ended") return
    const write: Promise<void> = (value === undefined ? this.#storage.delete(this.#prefix + key) : this.#storage.set(this.#prefix + key, value))
      .catch((error: Error) => this.#emit("error", { error })).finally(() => this.#writes.delete(write))
    this.#writes.add(write)
  }

  #soon(): void {
    this.#flushing ??= setTimeout(() => void this.#flush(), gather)
  }

  #left = (): void => void this.#flush()

  async #flush(): Promise<void> {
    clearTimeout(this.#flushing)
    this.#flushing = undefined
    const lead = !this.#tabs || this.#tabs.leads
    if (lead && this.#people !== this.users.version) {
      this.#people = this.users.version
      this.#store("people", { me: this.me, users: this.users.all() })
    }
    for (const room of this.#dirty) {
      const page = room.timeline.page()
      if (page) this.#store(`page|${room.id}`, page)
      if (lead) this.#keep(room)
    }
    this.#dirty.clear()
    await Promise.all(this.#writes)
  }

  #keep(room: Room): void {
    this.#store(`room|${room.id}`, stored(room))
  }

  // ---- tabs and the connection

  async #lead(): Promise<void> {
    // What other tabs have stored since this one looked.
    await this.#readOutbox().catch(() => undefined)
    if (!this.#tabs?.leads) return
    this.#synced = true
    this.#link = this.#newLink(this.#token)
    this.#tabs.tell({ kind: "lead" })
    this.#link.start()
  }

  #newLink(token: Token): Link {
    return new Link({
      url: `${(this.#url || location.origin).replace(/^http/, "ws")}/v1/ws`,
      socket: this.#o.socket ?? ((url) => new WebSocket(url)),
      token,
      platform: this.#platform,
      hello: () => ({
        cursors: this.#inbox.cursors(),
        ...(this.#o.device && { device: this.#o.device }), ...(this.#o.replayLimit && { replay_limit: this.#o.replayLimit }),
      }),
      onFrame: (frame) => {
        this.#tabs?.tell({ kind: "frame", frame })
        this.#take(frame)
      },
      onState: (state) => {
        this.#tabs?.tell({ kind: "state", state })
        this.#became(state)
      },
    })
  }

  #became(state: ConnectionState): void {
    if (state.phase === "ended") return this.#end(state.reason)
    this.connection.set(state.phase === "online" ? { phase: "online", leader: !!this.#link } : state)
    if (state.phase !== "online") {
      this.#inbox.disconnected()
      this.#outbox.disconnected()
      return
    }
    this.#outbox.pump()
    this.users.retry()
    for (const room of this.rooms.all) room.refresh()
    void this.#findLast()
    this.#sendWatches()
    if (this.#status) this.#link?.send(this.#status)
    this.#tellSoon()
  }

  #disconnect(): void {
    this.#link?.stop()
    this.#link = undefined
    this.#tabs?.close()
    this.#tabs = undefined
    this.#synced = false
    for (const event of leaving) this.#platform.events?.removeEventListener(event, this.#left)
    this.#inbox.disconnected()
    this.#outbox.disconnected()
    for (const timer of [this.#telling, this.#chasing]) clearTimeout(timer)
    this.#telling = undefined
    for (const room of this.rooms.all) room.close()
  }

  #end(reason: Reason): void {
    if (this.connection.state.phase === "ended") return
    this.#disconnect()
    clearTimeout(this.#flushing)
    if (["unauthenticated", 4401, 4409].includes(reason.code)) void this.clearSession()
    this.connection.set({ phase: "ended", reason })
    this.#emit("ended", { reason })
  }

  #hear(note: Note): void {
    switch (note.kind) {
      case "frame":
        if (this.#synced) this.#take(note.frame)
        return
      case "room":
        if (this.#synced) this.#describe(note.room, false)
        return
      case "state":
        if (!this.#tabs?.leads) this.#became(note.state)
        return
      case "hello":
        if (this.#link) {
          this.#tabs?.tell({ kind: "sync", me: this.#me, rooms: this.rooms.all.map(stored), entries: this.#outbox.all(), state: this.connection.state })
        }
        return
      case "lead":
        if (!this.#synced) this.#tabs?.tell({ kind: "hello" })
        this.#tellWatch()
        return
      case "sync":
        if (!this.#synced) this.#sync(note)
        return
      case "command":
        return this.#outbox.take(note.entry)
      case "decide":
        return this.#outbox[note.what](note.nonce)
      case "hint":
        if (this.#link) this.#hint(note.frame)
        return
      case "read": {
        const room = this.rooms.get(note.room)
        if (room?.advance(note.seq) && this.#link) this.#mark(room)
        return
      }
      case "draft":
        return this.rooms.get(note.room)?.restore(note.text, undefined)
      case "watch":
        return this.#watch(note.tab, note.ids)
      case "retry":
        return this.#link?.retryNow()
      case "ended":
        return this.#end(note.reason)
    }
  }

  /** Takes over what the leader knows. */
  #sync({ me, rooms, entries, state }: Extract<Note, { kind: "sync" }>): void {
    this.#synced = true
    this.#me = me
    for (const stored of rooms) {
      const room = this.rooms.get(stored.info.id)
      if (!room) {
        this.#place(stored)
        continue
      }
      const missed = this.#inbox.cursor(room.id) !== stored.cursor
      this.#inbox.restore(room.id, stored.cursor)
      room.describe(stored.info, true)
      room.restore(undefined, stored.last)
      if (missed) room.gap()
    }
    const mine = new Set(rooms.map(({ info }) => info.id))
    for (const room of this.rooms.all) if (!mine.has(room.id)) this.#gone(room.id)
    for (const entry of entries) this.#outbox.take(entry)
    this.rooms.load()
    this.#became(state)
    this.#tellWatch()
  }

  // ---- what the server says

  #take(frame: ServerFrame): void {
    this.#heard = Date.now()
    switch (frame.type) {
      case "welcome":
        return this.#welcomed(frame)
      case "event":
        return this.#inbox.event(frame.event)
      case "ack":
        return this.#acknowledged(frame)
      case "error":
        return this.#refused(frame)
      case "room":
        this.#describe(frame.room, true)
        return
      case "room_gone":
        return this.#gone(frame.room)
      case "truncated":
        return this.#inbox.truncated(frame.room, frame.from)
      case "reset":
        this.#inbox.reset(frame.room, frame.head)
        return this.rooms.get(frame.room)?.reset(frame.head)
      case "receipt":
        return this.rooms.get(frame.room)?.receipt(frame.user, frame.read, frame.delivered)
      case "typing":
        return this.rooms.get(frame.room)?.[frame.on ? "startedTyping" : "stoppedTyping"](frame.user)
      case "presence":
        return this.presence.take(frame)
      case "user":
        return this.#profile(frame.user)
    }
  }

  #welcomed({ user, rooms }: Wire<"WelcomeFrame">): void {
    // A server that was made anew has made somebody else of me: what is here was theirs.
    if (this.#me.id && this.#me.id !== user.id) for (const room of this.rooms.all) this.#gone(room.id)
    this.#me = user
    this.#profile(user)
    for (const info of rooms) this.#describe(info, true)
    this.rooms.load()
    this.#chase()
  }

  /** Fetches what the server owes when nothing comes any more. */
  #chase(after = stalled): void {
    clearTimeout(this.#chasing)
    this.#chasing = setTimeout(() => {
      const quiet = Date.now() - this.#heard
      if (quiet < stalled) this.#chase(stalled - quiet)
      else this.#inbox.chase()
    }, after)
  }

  #deliver(event: Event, live: boolean): void {
    const room = this.rooms.get(event.room)
    if (!room) return
    room.apply(event)
    if (event.nonce) this.#settle(event.nonce, event)
    if (event.kind !== "message") return
    const item = fromEvent(event) as Message
    const message = { ...item, key: room.keyOf(item) }
    if (event.by !== this.#me.id && this.#link) {
      this.#delivered.set(room.id, event.seq)
      this.#tellSoon()
    }
    this.#emit("message", { room, message, live })
    if (room.calls(message)) this.#emit("mention", { room, message, live })
  }

  #skipped(id: string, after: number, from: number): void {
    const room = this.rooms.get(id)
    if (!room) return
    room.gap()
    void this.#findLast()
    this.#emit("gap", { room, after, from })
  }

  /** Where the newest event is an edit or a reaction, the newest message must be asked for. */
  async #findLast(): Promise<void> {
    for (const room of this.rooms.all) {
      if (room.last) continue
      const page = await this.api.history({ room: room.id, limit: 1 }).catch(() => undefined)
      if (!page) return
      if (page.messages[0]) room.restore(undefined, fromHistory(page.messages[0]))
    }
  }

  #acknowledged({ ref, event }: Wire<"AckFrame">): void {
    if (event) this.#inbox.event(event)
    // Its event may have come long ago. If it is behind a gap, it is settled when it is delivered.
    if (ref && !(event && (this.#inbox.cursor(event.room) ?? Infinity) < event.seq)) this.#settle(ref, event)
  }

  #settle(nonce: string, event?: Event): void {
    const taken = this.#outbox.claimed(nonce)
    this.#outbox.acknowledged(nonce)
    if (event) this.rooms.get(event.room)?.acknowledged(event, taken)
  }

  #refused({ ref, code, detail, retry_after_ms }: Wire<"ErrorFrame">): void {
    const error = new ParleyError(code as ParleyError["code"], detail, 0, retry_after_ms)
    if (!ref || !this.#outbox.has(ref)) this.#emit("error", { error })
    // A token that has run out ends the connection at once; the next one repeats the command.
    else if (error.code !== "unauthenticated") this.#outbox.refused(ref, error)
  }

  #describe(info: RoomInfo, inOrder: boolean): Room {
    const there = this.rooms.get(info.id)
    if (there) {
      if (inOrder) this.#inbox.enter(info.id, info.head)
      there.describe(info, inOrder)
      return there
    }
    this.#inbox.enter(info.id, info.head)
    const room = new Room(this.#core, info)
    this.rooms.put(room)
    this.#keep(room) // at once: a run that does not know the room would not ask for what it missed of it
    if (this.rooms.loaded) this.#emit("room", { room })
    return room
  }

  /** Takes a room from an answer over REST, in all tabs. */
  #adopt(info: RoomInfo): Room {
    this.#tabs?.tell({ kind: "room", room: info })
    return this.#describe(info, false)
  }

  #gone(id: string): void {
    const room = this.rooms.get(id)
    this.#inbox.leave(id)
    this.#outbox.drop(id)
    if (!room) return
    const { name } = room
    room.close()
    this.rooms.remove(id)
    this.#dirty.delete(room)
    this.#marks.delete(room)
    for (const kind of ["room", "page", "draft"]) this.#store(`${kind}|${id}`, undefined)
    this.#emit("room_gone", { id, name })
  }

  #profile(user: User): void {
    const me = user.id === this.#me.id
    if (me) this.#me = user
    this.users.learn([user])
    for (const room of this.rooms.all) if (me || room.info.peer?.id === user.id) room.changed()
    this.rooms.touch()
    this.#soon()
    if (me) this.#emit("me", { user })
  }

  // ---- what this client says

  #makeCore(): ConstructorParameters<typeof Room>[0] {
    const client = this
    return {
      api: this.api,
      inbox: this.#inbox,
      outbox: this.#outbox,
      users: this.users,
      get me() { return client.me },
      command: (frame, after) => this.#command(frame, after),
      decide: (what, nonce) => {
        this.#tabs?.tell({ kind: "decide", what, nonce })
        this.#outbox[what](nonce)
      },
      hint: (frame) => this.#hint(frame),
      adopt: (info) => this.#adopt(info),
      marked: (room) => {
        this.#tabs?.tell({ kind: "read", room: room.id, seq: room.read })
        this.#mark(room)
      },
      drafted: (room) => {
        this.#tabs?.tell({ kind: "draft", room: room.id, text: room.draft })
        this.#store(`draft|${room.id}`, room.draft || undefined)
      },
      dirty: (room) => {
        this.#dirty.add(room)
        this.rooms.touch()
        this.#soon()
      },
      loadPage: (room) => this.#storage.get(`${this.#prefix}page|${room}`).catch(() => undefined) as Promise<Page | undefined>,
    }
  }

  #command(frame: Command, after: number): Promise<void> {
    const entry = { frame, at: this.#outbox.now(), after }
    this.#tabs?.tell({ kind: "command", entry })
    return this.#outbox.add(entry)
  }

  /** Sends what may be lost; of my status the newest is said again on every connection. */
  #hint(frame: ClientFrame): void {
    if (frame.type === "status") this.#status = frame as Wire<"StatusFrame">
    if (this.#link) this.#link.send(frame)
    else this.#tabs?.tell({ kind: "hint", frame })
  }

  #mark(room: Room): void {
    this.#marks.add(room)
    this.#tellSoon()
  }

  #tellSoon(): void {
    this.#telling ??= setTimeout(() => this.#tell(), gather)
  }

  #tell(): void {
    this.#telling = undefined
    if (!this.#link?.online) return
    for (const room of this.#marks) this.#link.send({ type: "read", room: room.id, seq: room.read })
    for (const [room, seq] of this.#delivered) {
      if (seq > (this.rooms.get(room)?.read ?? Infinity)) this.#link.send({ type: "delivered", room, seq })
    }
    this.#marks.clear()
    this.#delivered.clear()
  }

  #watch(tab: string, ids: string[]): void {
    if ((this.#watches.get(tab) ?? []).join() === ids.join()) return
    this.#watches.set(tab, ids)
    this.#sendWatches()
  }

  #tellWatch(ids = this.#watches.get(this.#tab) ?? []): void {
    this.#tabs?.tell({ kind: "watch", tab: this.#tab, ids })
  }

  #sendWatches(): void {
    const users = [...new Set([...this.#watches.values()].flat())].slice(0, maxWatched)
    if (this.#watches.size) this.#link?.send({ type: "watch_presence", ref: "watch", users })
  }

  /** My profile may also change by a call. */
  #watchful(calls: Api): Api {
    const { editMe } = calls
    calls.editMe = async (...given) => {
      const user = await editMe(...given)
      this.#tabs?.tell({ kind: "frame", frame: { type: "user", user } })
      this.#profile(user)
      return user
    }
    return calls
  }

  #emit<Name extends keyof ClientEvents>(name: Name, event: ClientEvents[Name]): void {
    for (const { fn } of [...(this.#handlers.get(name) ?? [])]) guarded(() => fn(event as never))
  }
}

/** The server counts in bytes of UTF-8, JavaScript in units of UTF-16. */
function inCharacters(text: string, ranges: [number, number][]): [number, number][] {
  const bytes = new TextEncoder().encode(text)
  const decoder = new TextDecoder()
  const at = (byte: number): number => decoder.decode(bytes.subarray(0, byte)).length
  return ranges.map(([start, end]) => [at(start), at(end)])
}
