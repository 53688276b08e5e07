import type { ParleyError } from "./error.ts"
import { fold, fromEvent, fromHistory } from "./fold.ts"
import type { Event, Item, Message } from "./model.ts"
import { Observable } from "./observable.ts"
import { toMessage, type Entry } from "./outbox.ts"
import type { Wire } from "./wire.ts"

/** An item and the event up to whose number it is folded: what comes with a lower one is in it already. */
interface Row {
  item: Item
  asOf: number
}

/** What is kept of a timeline for a start without a network. */
export interface Page {
  rows: Row[]
  hasOlder: boolean
  /** Where the room stood: the rows are complete up to there. */
  upTo: number
}

/** What a timeline needs of its room. */
export interface Host {
  readonly id: string
  readonly cursor: number
  readonly read: number
  readonly me: string
  history(query: { before?: number; after?: number; around_time?: string; limit: number; thread?: number }): Promise<Wire<"HistoryOutBody">>
  events(after: number, limit: number): Promise<Event[]>
  /** Commands for the room that were not answered. */
  waiting(): Entry[]
  /** Names a message for lists. */
  keyOf(message: Message): string
  load(): Promise<Page | undefined>
  /** What is to be kept has changed. */
  loaded(): void
}

const pageSize = 50
/** How many events are looked through for the notices of one page. */
const noticeSpan = 400
const kept = 50
/** Where nobody subscribes, half of so many items are kept. */
const unseen = 600

/**
 * A contiguous window of one room, then what waits to be sent. History, live events and the echo of what is said here are merged by
 * number; edits, deletions and reactions are folded in. Without a window at the newest end, what waits is not shown.
 */
export class Timeline extends Observable {
  #host: Host
  #thread: number | undefined
  #rows: Row[] = []
  #bySeq = new Map<number, Row>()
  #items: readonly Item[] | undefined
  #open = false
  #stale = false
  #hasOlder = false
  #hasNewer = false
  #error: ParleyError | undefined
  /** What happens while a page is on its way; it may be newer than the page. */
  #stash: Event[] = []
  #asking = 0
  #window = 0 // counts the windows: a page for an older one is of no use
  #calls: { load?: Promise<void> | undefined; older?: Promise<void> | undefined; newer?: Promise<void> | undefined } = {}

  /** @internal */
  constructor(host: Host, thread?: number) {
    super()
    this.#host = host
    this.#thread = thread
  }

  /** Ascending by number, then what waits to be sent. */
  get items(): readonly Item[] {
    return (this.#items ??= this.#show())
  }

  /** Whether there is a window: before the first {@link load} there is none. */
  get loaded(): boolean {
    return this.#open
  }

  get hasOlder(): boolean {
    return this.#hasOlder
  }

  get hasNewer(): boolean {
    return this.#hasNewer
  }

  get loadingOlder(): boolean {
    return this.#calls.older !== undefined
  }

  get loadingNewer(): boolean {
    return this.#calls.newer !== undefined
  }

  /** Why loading failed last; gone with the next success. */
  get error(): ParleyError | undefined {
    return this.#error
  }

  /** Loads the newest page, once; first what is stored. What fails is in {@link error}, and is done again on the next connection. */
  load(): Promise<void> {
    if (this.#open && !this.#stale) return Promise.resolve()
    return (this.#calls.load ??= this.#first().catch(() => undefined).finally(() => (this.#calls.load = undefined)))
  }

  /** Loads a page before the window. */
  loadOlder(): Promise<void> {
    if (!this.#hasOlder) return Promise.resolve()
    return (this.#calls.older ??= this.#extend({ before: this.#rows[0]!.item.seq! }, "older"))
  }

  /** Loads a page behind the window. */
  loadNewer(): Promise<void> {
    if (!this.#hasNewer) return Promise.resolve()
    return (this.#calls.newer ??= this.#extend({ after: this.#rows.at(-1)!.item.seq! }, "newer"))
  }

  /**
   * Loads what is around a number, the newest, the first unread message or a time, unless it is there, and returns the number to show.
   * Rejects when it cannot be loaded.
   */
  async jumpTo(where: number | "newest" | "unread" | Date): Promise<number> {
    if (!this.#open) await this.load() // what is stored may do, and the newest page often does
    if (where instanceof Date) where = await this.#at(where.getTime())
    if (where === "unread") where = this.#host.read + 1
    if (where === "newest" || where > this.#host.cursor) {
      if (!this.#open || this.#hasNewer || this.#stale) await this.#newest()
      return this.#rows.at(-1)?.item.seq ?? 0
    }
    if (!this.#covers(where)) await this.#around(where)
    return this.#rows.find((row) => row.item.seq! >= (where as number))?.item.seq ?? this.#rows.at(-1)?.item.seq ?? 0
  }

  /** A message of the window. */
  get(seq: number): Message | undefined {
    const item = this.#bySeq.get(seq)?.item
    return item?.kind === "message" ? item : undefined
  }

  /** A message wherever it is: for quotes of what is out of the window. */
  async fetch(seq: number): Promise<Message | undefined> {
    const there = this.get(seq)
    if (there) return there
    const { messages } = await this.#host.history({ after: seq - 1, limit: 1 })
    return messages[0]?.seq === seq ? this.#fromHistory(messages[0]) : undefined
  }

  /** Forgets all but so many of the newest items. Where nobody subscribes, this is done beyond 600; who shows more sees to it. */
  trim(keep: number): void {
    const far = this.#rows.length - keep
    if (far <= 0 || this.#asking) return
    for (const { item } of this.#rows.splice(0, far)) this.#bySeq.delete(item.seq!)
    this.#hasOlder = true
    this.touch()
  }

  /** Whether everything from a number to the end is here. @internal */
  reaches(seq: number): boolean {
    return !this.#hasNewer && this.#covers(seq)
  }

  // ---- what the room tells

  /** The next event of the room. @internal */
  apply(event: Event): void {
    if (this.#asking) this.#stash.push(event)
    if (!this.#open || !this.#take(event)) return
    if (!this.watched && this.#rows.length > unseen) this.trim(unseen / 2)
    this.touch()
  }

  /** A message is called otherwise. @internal */
  rekey(seq: number): void {
    const row = this.#bySeq.get(seq)
    if (row?.item.kind !== "message") return
    const key = this.#host.keyOf(row.item)
    if (row.item.key !== key) this.#put(row, { ...row.item, key }, row.asOf)
    this.touch()
  }

  /** Events were left out: what is here may be old, and more may be missing behind it. @internal */
  gap(): void {
    this.#stale = this.#open
  }

  /** The room begins anew. @internal */
  reset(): void {
    this.#replace([], false, false)
  }

  /** Loads again what cannot be trusted any more. @internal */
  refresh(): void {
    if (!this.#stale && !(this.#error && !this.#open)) return
    if (!this.#open || !this.#hasNewer) void this.load()
    else this.#around(this.#rows[this.#rows.length >> 1]?.item.seq ?? 1).catch(() => undefined)
  }

  /** What to keep, if it is the newest. @internal */
  page(): Page | undefined {
    if (!this.#open || this.#hasNewer || this.#stale || this.#thread) return undefined
    const rows = this.#rows.slice(-kept)
    return { rows, hasOlder: this.#hasOlder || rows.length < this.#rows.length, upTo: this.#host.cursor }
  }

  // ---- loading

  async #first(): Promise<void> {
    const page = this.#open || this.#thread ? undefined : await this.#host.load()
    if (page && !this.#open) {
      this.#replace(page.rows, page.hasOlder, false)
      this.#stale = page.upTo !== this.#host.cursor
      if (!this.#stale) return
    }
    await this.#newest()
  }

  #newest(): Promise<void> {
    return this.#load(async (current) => {
      const page = await this.#ask({ limit: pageSize })
      if (current()) this.#replace(page.rows, page.more, false)
    }, true)
  }

  #around(seq: number): Promise<void> {
    return this.#load(async (current) => {
      const [older, newer] = await Promise.all([
        this.#ask({ before: seq + 1, limit: pageSize / 2 }), this.#ask({ after: seq, limit: pageSize / 2 })])
      if (current()) this.#replace([...older.rows, ...newer.rows], older.more, newer.more)
    }, true)
  }

  async #extend(query: { before?: number; after?: number }, side: "older" | "newer"): Promise<void> {
    await this.#load(async (current) => {
      const { rows, more } = await this.#ask({ ...query, limit: pageSize })
      if (!current()) return
      const fresh = rows.filter((row) => !this.#bySeq.has(row.item.seq!))
      for (const row of fresh) this.#bySeq.set(row.item.seq!, row)
      this.#rows = side === "older" ? [...fresh, ...this.#rows] : [...this.#rows, ...fresh]
      if (side === "older") this.#hasOlder = more
      else this.#hasNewer = more
      this.#catchUp()
    }).catch(() => undefined) // it is in error
    this.#calls[side] = undefined
    this.touch()
  }

  /** Loads something, and meanwhile keeps what happens. A page that comes for a window that is no more is of no use. */
  async #load(work: (current: () => boolean) => Promise<void>, anew = false): Promise<void> {
    const window = anew ? ++this.#window : this.#window
    this.#asking++
    queueMicrotask(() => this.changed()) // the caller notes that it is loading
    try {
      await work(() => window === this.#window)
      this.#error = undefined
    } catch (thrown) {
      this.#error = thrown as ParleyError
      this.changed()
      throw thrown
    } finally {
      if (--this.#asking === 0) this.#stash = []
    }
  }

  #replace(rows: Row[], hasOlder: boolean, hasNewer: boolean): void {
    this.#window++ // pages for the one before are of no use
    this.#rows = rows
    this.#bySeq = new Map(rows.map((row) => [row.item.seq!, row]))
    ;[this.#open, this.#stale, this.#hasOlder, this.#hasNewer] = [true, false, hasOlder, hasNewer]
    this.#catchUp()
    this.touch()
    this.#host.loaded()
  }

  /** Applies what happened while the page was on its way. */
  #catchUp(): void {
    for (const event of this.#stash) this.#take(event)
  }

  /** Asks for a page, with the notices in it. */
  async #ask(query: { before?: number; after?: number; limit: number }): Promise<{ rows: Row[]; more: boolean }> {
    const page = await this.#host.history({ ...query, ...(this.#thread && { thread: this.#thread }) })
    const rows: Row[] = page.messages.map((message) => ({ item: this.#fromHistory(message), asOf: page.head }))
    if (!this.#thread) await this.#addNotices(rows, query, page)
    return { rows, more: page.has_more }
  }

  /** History tells messages only. Where numbers are missing between them there may be notices. */
  async #addNotices(rows: Row[], query: { before?: number; after?: number }, page: Wire<"HistoryOutBody">): Promise<void> {
    const from = query.after !== undefined ? query.after : page.has_more ? rows[0]!.item.seq! : 0
    const to = query.before !== undefined ? query.before - 1 : query.after !== undefined && page.has_more ? rows.at(-1)!.item.seq! : page.head
    if (to - from === rows.length || to - from > noticeSpan) return
    let notices: Event[] = []
    for (let after = from; after < to;) {
      const events = await this.#host.events(after, 200)
      if (!events.length) break
      notices = notices.concat(events.filter(({ kind, seq }) => (kind === "member" || kind === "room") && seq <= to))
      after = events.at(-1)!.seq
    }
    rows.push(...notices.map((event) => ({ item: fromEvent(event)!, asOf: page.head })))
    rows.sort((a, b) => a.item.seq! - b.item.seq!)
  }

  /** The number of the first message at or after a time. */
  async #at(time: number): Promise<number> {
    const { messages } = await this.#host.history({ around_time: new Date(time).toISOString(), limit: 2 })
    return messages.find((message) => Date.parse(message.at) >= time)?.seq ?? this.#host.cursor
  }

  #covers(seq: number): boolean {
    const [first, last] = [this.#rows[0]?.item.seq ?? 1, this.#rows.at(-1)?.item.seq ?? 0]
    return this.#open && !this.#stale && (seq >= first || !this.#hasOlder) && (seq <= last || !this.#hasNewer)
  }

  // ---- folding

  #fromHistory(message: Wire<"Message">): Message {
    const item = fromHistory(message)
    return { ...item, key: this.#host.keyOf(item) }
  }

  /** Makes an event part of the window; false when it is none of its business. */
  #take(event: Event): boolean {
    const item = fromEvent(event)
    if (!item) return this.#change(event)
    const counted = item.kind === "message" && !!item.thread && this.#count(item.thread, event.seq, 1)
    if (this.#hasNewer || this.#bySeq.has(event.seq) || !this.#belongs(item)) return counted
    let at = this.#rows.length
    while (at > 0 && this.#rows[at - 1]!.item.seq! > event.seq) at--
    if (at === 0 && this.#hasOlder) return counted // from before the window
    const row = { item: item.kind === "message" ? { ...item, key: this.#host.keyOf(item) } : item, asOf: event.seq }
    this.#bySeq.set(event.seq, row)
    this.#rows.splice(at, 0, row)
    return true
  }

  #belongs(item: Item): boolean {
    return !this.#thread || (item.kind === "message" && (item.seq === this.#thread || item.thread === this.#thread))
  }

  #change(event: Event): boolean {
    const row = this.#bySeq.get(event.target ?? 0)
    if (!row || row.item.kind !== "message" || row.asOf >= event.seq) return false
    const { thread, deleted } = row.item
    this.#put(row, fold(row.item, event, this.#host.me), event.seq)
    if (event.kind === "delete" && thread && !deleted) this.#count(thread, event.seq, -1)
    return true
  }

  #count(root: number, asOf: number, by: number): boolean {
    const row = this.#bySeq.get(root)
    if (row?.item.kind !== "message" || row.asOf >= asOf) return false
    this.#put(row, { ...row.item, replyCount: row.item.replyCount + by }, asOf)
    return true
  }

  #put(row: Row, item: Item, asOf: number): void {
    row.item = item
    row.asOf = asOf
  }

  // ---- showing

  /** What is shown is other than it was. @internal */
  touch(): void {
    this.#items = undefined
    this.changed()
  }

  #show(): readonly Item[] {
    const items: Item[] = this.#rows.map((row) => row.item)
    const waiting = this.#host.waiting()
    // What has happened and was not answered yet is there already, under its nonce.
    const there = new Set(waiting.length ? items.map((item) => item.key) : [])
    for (const entry of waiting) {
      const { frame } = entry
      if (frame.type === "send") {
        const message = toMessage(entry, this.#host.me)!
        if (!this.#hasNewer && this.#belongs(message) && !there.has(message.key)) items.push(message)
        continue
      }
      const at = items.findIndex((item) => item.seq === frame.seq)
      if (at >= 0 && items[at]!.kind === "message") items[at] = preview(items[at] as Message, entry, this.#host.me)
    }
    return items
  }
}

/** What a message will be when a command about it has happened. */
function preview(message: Message, { frame, at }: Entry, me: string): Message {
  const event = { by: me, at: new Date(at).toISOString(), body: frame as Event["body"] }
  if (frame.type === "react") return fold(message, { ...event, kind: "reaction" }, me)
  return { ...fold(message, { ...event, kind: frame.type as "edit" | "delete" }, me), state: "sending" }
}
