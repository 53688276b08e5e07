import type { Api } from "./api.generated.ts"
import { fold, fromEvent } from "./fold.ts"
import type { Inbox } from "./inbox.ts"
import type { Event, Item, Member, Message, RoomInfo, User } from "./model.ts"
import { Observable } from "./observable.ts"
import { toMessage, type Command, type Outbox } from "./outbox.ts"
import type { Directory } from "./people.ts"
import { Timeline, type Page } from "./timeline.ts"
import { uuid } from "./uuid.ts"
import type { ClientFrame, Wire } from "./wire.ts"

/** What a room needs of the client that it belongs to. @internal */
export interface Core {
  readonly api: Api
  readonly inbox: Inbox
  readonly outbox: Outbox
  readonly me: User
  readonly users: Directory
  /** Hands a new command in, in all tabs. */
  command(frame: Command, after: number): Promise<void>
  /** Decides about a refused command, in all tabs. */
  decide(what: "retry" | "discard", nonce: string): void
  /** Sends what may be lost, if there is a connection. */
  hint(frame: ClientFrame): void
  /** Takes a room that the server has described. */
  adopt(info: RoomInfo): Room
  /** My mark in a room has moved. */
  marked(room: Room): void
  drafted(room: Room): void
  /** A room is other than it is stored. */
  dirty(room: Room): void
  loadPage(room: string): Promise<Page | undefined>
}

/** How far somebody has read a room, and how far it was delivered to them. */
export interface Receipt {
  readonly user: string
  readonly read: number
  readonly delivered: number
}

/** What can be said beside a message's text. */
export interface SendOptions {
  /** The number of the message that this one answers. */
  reply_to?: number
  /** The number of the root of the thread that this one belongs to. */
  thread?: number
  /** At most 4 KiB of JSON that the server keeps and hands on. */
  meta?: object
  attachments?: unknown[]
  /** Names the message: said again with it, also by another run of the program, it is said once. Made up if it is absent. */
  nonce?: string
}

/** How long somebody is typing who does not say so again, in milliseconds. */
const typingLasts = 6_000
const typingEvery = 3_000

/** A room that I am in. */
export class Room extends Observable {
  readonly id: string
  /** The main timeline. It has no window before its first `load`. */
  readonly timeline: Timeline
  #core: Core
  #info: RoomInfo
  #last: Item | undefined
  #lastAt = 0
  #read = 0
  #draft = ""
  #threads = new Map<number, Timeline>()
  #keys = new Map<number, string>() // the nonces of my messages, by number
  #typing = new Map<string, ReturnType<typeof setTimeout>>()
  #typists: readonly string[] = []
  #typed = 0
  #marks: readonly Receipt[] = []

  /** @internal */
  constructor(core: Core, info: RoomInfo) {
    super()
    this.id = info.id
    this.#core = core
    this.#info = info
    this.timeline = this.#newTimeline()
    this.describe(info, true)
  }

  get kind(): RoomInfo["kind"] {
    return this.#info.kind
  }

  /** Of a direct room the name of whom it is with; of the notes to self my own. */
  get name(): string {
    if (this.kind !== "direct") return this.#info.name
    const { peer } = this
    return (peer ?? this.#core.me).display_name
  }

  get handle(): string | undefined {
    return this.#info.handle
  }

  get topic(): string {
    return this.#info.topic
  }

  get created_by(): string {
    return this.#info.created_by
  }

  get member_count(): number {
    return this.#info.member_count
  }

  /** The newest event's number. */
  get head(): number {
    return Math.max(this.#info.head, this.#core.inbox.cursor(this.id) ?? 0)
  }

  get read_only(): boolean {
    return this.#info.read_only
  }

  get archived(): boolean {
    return this.#info.archived
  }

  /** Whom a direct room is with. */
  get peer(): User | undefined {
    const { peer } = this.#info
    return peer && (this.#core.users.known(peer.id) ?? peer)
  }

  get role(): "owner" | "moderator" | "member" {
    return this.#info.role ?? "member"
  }

  get muted(): boolean {
    return this.#info.muted ?? false
  }

  get favourite(): boolean {
    return this.#info.favourite ?? false
  }

  get notify(): "all" | "mentions" | "none" {
    return this.#info.notify ?? "all"
  }

  /** The number up to which I have read. */
  get read(): number {
    return this.#read
  }

  /** Messages of others after it. */
  get unread(): number {
    return this.#info.unread ?? 0
  }

  /** Of me or of all, after it. */
  get mentions(): number {
    return this.#info.mentions ?? 0
  }

  /** The newest message or notice, as far as it is known. */
  get last(): Item | undefined {
    return this.#last
  }

  /** When something happened last, in milliseconds since 1970. */
  get lastAt(): number {
    return this.#lastAt
  }

  /** What I have begun to write; kept, and shared by all tabs. */
  get draft(): string {
    return this.#draft
  }

  setDraft(text: string): void {
    if (text === this.#draft) return
    this.#draft = text
    this.#core.drafted(this)
    this.changed()
  }

  // ---- saying something

  /** Says something. The message is in the timeline at once, and is repeated until the server has it. */
  send(text: string, options: SendOptions = {}): Message {
    const { nonce = uuid(), ...rest } = options
    const frame = { type: "send" as const, ref: nonce, nonce, room: this.id, text, ...rest }
    this.#core.command(frame, this.cursor).catch(() => undefined) // the message shows it
    return toMessage({ frame, at: Date.now(), after: 0 }, this.#core.me.id)!
  }

  /** Changes the text of a message of mine. Resolves when the server has done it. */
  edit(seq: number, text: string): Promise<void> {
    return this.#about({ type: "edit", ...this.#names(seq), text })
  }

  /** Clears a message; its number stays. */
  delete(seq: number): Promise<void> {
    return this.#about({ type: "delete", ...this.#names(seq) })
  }

  /** Puts my emoji under a message, or takes it away. */
  react(seq: number, emoji: string, on: boolean): Promise<void> {
    return this.#about({ type: "react", ...this.#names(seq), emoji, op: on ? "add" : "remove" })
  }

  #names(seq: number): { ref: string; nonce: string; room: string; seq: number } {
    const nonce = uuid()
    return { ref: nonce, nonce, room: this.id, seq }
  }

  #about(frame: Command): Promise<void> {
    return this.#core.command(frame, this.cursor)
  }

  /** Sends a message that was refused once more. `key` is the message's. */
  retry(key: string): void {
    this.#core.decide("retry", key)
  }

  /** Throws a message that was refused away. */
  discard(key: string): void {
    this.#core.decide("discard", key)
  }

  /** Says that I have read up to a number, the head if none is given. Marks only grow. */
  markRead(seq = this.head): void {
    if (this.advance(seq)) this.#core.marked(this)
  }

  /** Says that I am typing, or have stopped; call it with every key. */
  setTyping(on: boolean): void {
    const now = Date.now()
    if (on ? now - this.#typed < typingEvery : !this.#typed) return
    this.#typed = on ? now : 0
    this.#core.hint({ type: "typing", room: this.id, on })
  }

  /** Ids of the others who are typing. */
  get typing(): readonly string[] {
    return this.#typists
  }

  /** How far the others have read, as far as it was loaded or has changed since. */
  get receipts(): readonly Receipt[] {
    return this.#marks
  }

  async loadReceipts(): Promise<void> {
    for (let cursor: string | undefined = ""; cursor !== undefined;) {
      const page: Wire<"ReceiptsOutBody"> = await this.#core.api.receipts({ room: this.id, limit: 200, ...(cursor && { cursor }) })
      for (const { user, read, delivered } of page.receipts) this.receipt(user, read, delivered)
      cursor = page.next_cursor
    }
  }

  /** A thread: its root and the replies. The same object for the same root. */
  thread(root: number): Timeline {
    let timeline = this.#threads.get(root)
    if (!timeline) this.#threads.set(root, (timeline = this.#newTimeline(root)))
    return timeline
  }

  // ---- people and settings

  members(cursor?: string): Promise<{ members: Member[]; next_cursor?: string }> {
    return this.#core.api.listMembers({ room: this.id, ...(cursor && { cursor }) })
  }

  /** Adds somebody, by id or `@username`, or changes their role. */
  setMember(user: string, role?: Member["role"]): Promise<Member> {
    return this.#core.api.setMember({ room: this.id, user, ...(role && { role }) })
  }

  async removeMember(user: string): Promise<void> {
    await this.#core.api.removeMember({ room: this.id, user })
  }

  async update(changes: { name?: string; topic?: string; read_only?: boolean }): Promise<void> {
    this.#core.adopt(await this.#core.api.editRoom({ room: this.id, ...changes }))
  }

  async setMine(settings: { muted?: boolean; favourite?: boolean; notify?: "all" | "mentions" | "none" }): Promise<void> {
    this.#core.adopt(await this.#core.api.editMyRoom({ room: this.id, ...settings }))
  }

  async leave(): Promise<void> {
    await this.#core.api.leaveRoom({ room: this.id })
  }

  async archive(): Promise<void> {
    await this.#core.api.archiveRoom({ room: this.id })
  }

  /** Who of the room is connected now. */
  async online(): Promise<{ id: string; username: string }[]> {
    return (await this.#core.api.online({ room: this.id })).users
  }

  // ---- what the client tells

  /** @internal */
  get info(): RoomInfo {
    return this.#info
  }

  /** @internal */
  get cursor(): number {
    return this.#core.inbox.cursor(this.id) ?? this.#info.head
  }

  /**
   * The server has described the room: everything up to its head is in it. What the socket says stands in the order of the events; an
   * answer over REST may be older than what came meanwhile. @internal
   */
  describe(info: RoomInfo, inOrder: boolean): void {
    const { head, last, unread, mentions, member_count } = this.#info
    if (!inOrder && info.head < head) info = { ...info, head, last: last!, unread: unread!, mentions: mentions!, member_count }
    const read = info.read ?? 0
    if (this.#read > info.head) this.#read = read // from before a reset
    const heard = this.#read <= read
    this.#read = Math.max(this.#read, read)
    this.#info = { ...info, read: this.#read, ...(!heard && this.#read >= info.head && { unread: 0, mentions: 0 }) }
    if (!heard) this.#core.marked(this)
    if (info.last && info.last.seq >= (this.#last?.seq ?? 0)) this.#latest(info.last)
    if (info.peer) this.#core.users.learn([info.peer])
    this.#touched()
  }

  /** @internal */
  restore(draft: string | undefined, last: Item | undefined): void {
    if (draft !== undefined) this.#draft = draft
    if (last && last.seq! >= (this.#last?.seq ?? 0)) this.#last = last
    this.changed()
  }

  /** The next event. `told`: the server's description of the room has it already. @internal */
  apply(event: Event): void {
    for (const timeline of this.#timelines()) timeline.apply(event)
    if (event.seq > this.#info.head) this.#count(event)
    this.#latest(event)
    if (event.kind === "message") this.stoppedTyping(event.by)
    this.#touched()
  }

  #count(event: Event): void {
    const { me } = this.#core
    const { body } = event
    const info = { ...this.#info, head: event.seq, last: event }
    if (event.kind === "message") {
      if (event.by !== me.id) {
        info.unread = (info.unread ?? 0) + 1
        if (this.#mentionsMe({ mentions: body.mentions ?? [], mentionAll: body.mention_all ?? false })) info.mentions = (info.mentions ?? 0) + 1
      }
    } else if (event.kind === "member") {
      if (body.op === "join" || body.op === "add") info.member_count++
      if (body.op === "leave" || body.op === "remove") info.member_count--
      if (body.user === me.id && body.role) info.role = body.role as Member["role"]
    } else if (event.kind === "room") {
      for (const name of ["name", "topic", "read_only"] as const) if (body[name] !== undefined) Object.assign(info, { [name]: body[name] })
      if (body.op === "archive") info.archived = true
    }
    this.#info = info
    // Whoever writes after having read everything has read that, too.
    if (event.by === me.id && this.unread === 0) this.markRead(event.seq)
  }

  #latest(event: Event): void {
    const item = fromEvent(event)
    if (item && item.seq! >= (this.#last?.seq ?? 0)) this.#last = item.kind === "message" ? { ...item, key: this.keyOf(item) } : item
    else if (this.#last?.kind === "message" && event.target === this.#last.seq) this.#last = fold(this.#last, event, this.#core.me.id)
  }

  #mentionsMe(message: Pick<Message, "mentions" | "mentionAll">): boolean {
    return message.mentionAll || message.mentions.includes(this.#core.me.id)
  }

  /** Whether a message calls me. @internal */
  calls(message: Message): boolean {
    return message.by !== this.#core.me.id && this.#mentionsMe(message)
  }

  /** A command of mine has made this event, and it may be known without its nonce. @internal */
  acknowledged(event: Event, taken: number | undefined): void {
    if (event.nonce === undefined || event.kind !== "message") return
    this.#keys.set(event.seq, event.nonce)
    if (taken !== undefined && taken !== event.seq) this.#keys.delete(taken)
    for (const timeline of this.#timelines()) {
      timeline.rekey(event.seq)
      if (taken !== undefined) timeline.rekey(taken)
    }
  }

  /** @internal */
  keyOf(message: Message): string {
    const key = this.#keys.get(message.seq!) ?? (message.key !== message.id ? message.key : undefined) ??
      (message.by === this.#core.me.id ? this.#core.outbox.claim(message) : undefined)
    if (key !== undefined) this.#keys.set(message.seq!, key)
    return key ?? message.id!
  }

  /** @internal */
  waitingChanged(): void {
    for (const timeline of this.#timelines()) timeline.touch()
  }

  /** Events were left out. @internal */
  gap(): void {
    this.#last = undefined
    for (const timeline of this.#timelines()) timeline.gap()
    this.refresh()
  }

  /** @internal */
  refresh(): void {
    for (const timeline of this.#timelines()) timeline.refresh()
  }

  /** The room begins anew. @internal */
  reset(head: number): void {
    this.#keys.clear()
    this.#last = undefined
    this.#read = Math.min(this.#read, head)
    this.#core.outbox.disclaim(this.id)
    for (const timeline of this.#timelines()) timeline.reset()
    this.#touched()
  }

  /** My mark moves, if it does. @internal */
  advance(seq: number): boolean {
    if (seq <= this.#read) return false
    this.#read = seq
    let [unread, mentions] = [this.head - seq, this.mentions] // at most: that is all there is to know of what is not loaded
    if (seq >= this.head) mentions = 0
    else if (this.timeline.reaches(seq + 1)) {
      const left = this.timeline.items.filter((item): item is Message =>
        item.kind === "message" && item.seq! > seq && item.by !== this.#core.me.id)
      ;[unread, mentions] = [left.length, left.filter((message) => this.#mentionsMe(message)).length]
    }
    this.#info = { ...this.#info, read: seq, unread: Math.max(0, Math.min(this.unread, unread)), mentions: Math.min(this.mentions, mentions) }
    this.#touched()
    return true
  }

  /** @internal */
  receipt(user: string, read = 0, delivered = 0): void {
    if (user === this.#core.me.id) return void this.advance(read)
    const was = this.#marks.find((mark) => mark.user === user)
    const now = { user, read: Math.max(was?.read ?? 0, read), delivered: Math.max(was?.delivered ?? 0, read, delivered) }
    if (was?.read === now.read && was.delivered === now.delivered) return
    this.#marks = [...this.#marks.filter((mark) => mark !== was), now]
    this.changed()
  }

  /** @internal */
  startedTyping(user: string): void {
    if (user === this.#core.me.id) return
    clearTimeout(this.#typing.get(user))
    this.#typing.set(user, setTimeout(() => this.stoppedTyping(user), typingLasts))
    this.#showTyping()
  }

  /** @internal */
  stoppedTyping(user: string): void {
    clearTimeout(this.#typing.get(user))
    if (this.#typing.delete(user)) this.#showTyping()
  }

  /** Ends the room's timers. @internal */
  close(): void {
    for (const timer of this.#typing.values()) clearTimeout(timer)
    this.#typing.clear()
  }

  #showTyping(): void {
    if (this.#typists.length === this.#typing.size && this.#typists.every((user) => this.#typing.has(user))) return
    this.#typists = [...this.#typing.keys()]
    this.changed()
  }

  #touched(): void {
    this.#lastAt = Date.parse(this.#info.last?.at ?? this.#info.created_at)
    this.#core.dirty(this)
    this.changed()
  }

  #timelines(): Timeline[] {
    return this.timeline ? [this.timeline, ...this.#threads.values()] : []
  }

  #newTimeline(thread?: number): Timeline {
    const room = this
    const { api, outbox } = this.#core
    return new Timeline({
      id: this.id,
      get cursor() { return room.cursor },
      get read() { return room.read },
      get me() { return room.#core.me.id },
      history: (query) => api.history({ room: room.id, ...query }),
      events: async (after, limit) => (await api.events({ room: room.id, after, limit })).events,
      waiting: () => outbox.of(room.id),
      keyOf: (message) => room.keyOf(message),
      load: () => room.#core.loadPage(room.id),
      loaded: () => room.#core.dirty(room),
    }, thread)
  }
}
