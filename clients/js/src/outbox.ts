import { backoff } from "./backoff.ts"
import { ParleyError } from "./error.ts"
import { links } from "./fold.ts"
import type { Message } from "./model.ts"
import type { Wire } from "./wire.ts"

/** A command that changes a room. Its `ref` is its nonce. */
export type Command = Wire<"SendFrame"> | Wire<"EditFrame"> | Wire<"DeleteFrame"> | Wire<"ReactFrame">

/** A command that was not answered yet, or was refused. */
export interface Entry {
  frame: Command
  /** When it was given, or given another chance, in milliseconds since 1970. It grows with each, so it is their order, too. */
  at: number
  /** The number that the room had reached here then: what the command makes comes behind it. */
  after: number
  /** Why it was refused; it waits for somebody to decide. */
  failed?: { code: ParleyError["code"]; detail: string }
}

/** What an {@link Outbox} needs of who uses it. */
export interface Carrier {
  /** Sends a frame; false when there is no connection. */
  send(frame: Command): boolean
  /** Whether commands for a room may be sent: what was missed must be here first. */
  ready(room: string): boolean
  /** Something about a room's commands changed. */
  changed(room: string): void
  /** Stores an entry, or, when it is undefined, forgets it. */
  store(nonce: string, entry: Entry | undefined): void
}

interface Waiting extends Entry {
  tries: number
  /** The number of the message that is taken for it until the server says which it is. */
  claimed?: number
}

interface Lane {
  /** The nonce that is on its way. */
  flying?: string | undefined
  notBefore: number
}

/** The server closes connections that send frames of more than 64 KiB. */
const maxFrame = 60 << 10
/** A longer nonce is refused without its ref, so that nobody would know what was refused. In bytes. */
const maxNonce = 128

const bytes = (text: string): number => new TextEncoder().encode(text).length

/**
 * Keeps commands until they are answered, and repeats them with their nonces. Each room has one command on its way at a time, so that
 * they happen in the order in which they were given, also when the server puts one off.
 */
export class Outbox {
  #carrier: Carrier
  #entries = new Map<string, Waiting>()
  #lanes = new Map<string, Lane>()
  #promises = new Map<string, { resolve: () => void; reject: (error: ParleyError) => void }>()
  #timer: ReturnType<typeof setTimeout> | undefined
  #newest = 0

  constructor(carrier: Carrier) {
    this.#carrier = carrier
  }

  has(nonce: string): boolean {
    return this.#entries.has(nonce)
  }

  /** What waits in a room, in order. */
  of(room: string): Waiting[] {
    return [...this.#entries.values()].filter((entry) => entry.frame.room === room)
  }

  /** Everything that waits, as it is stored. */
  all(): Entry[] {
    return [...this.#entries.values()].map(plain)
  }

  /** The time for a command that is given now. */
  now(): number {
    return (this.#newest = Math.max(Date.now(), this.#newest + 1))
  }

  /** Takes a command that another tab has, or that an earlier run left behind. */
  take(entry: Entry): void {
    const nonce = entry.frame.nonce!
    if (this.#entries.has(nonce)) return
    this.#entries.set(nonce, { ...entry, tries: 0 })
    if (entry.at < this.#newest) this.#entries = new Map([...this.#entries].sort(([, a], [, b]) => a.at - b.at))
    else this.#newest = entry.at
    this.#carrier.changed(entry.frame.room)
    this.pump()
  }

  /** Takes a new command. The promise ends with its answer; it rejects when the command did not happen. */
  add(entry: Entry): Promise<void> {
    const answered = new Promise<void>((resolve, reject) => this.#promises.set(entry.frame.nonce!, { resolve, reject }))
    this.#carrier.store(entry.frame.nonce!, entry)
    this.take(entry)
    return answered
  }

  /** Gives a refused command another chance, behind what was given since. */
  retry(nonce: string): void {
    const entry = this.#entries.get(nonce)
    if (!entry?.failed) return
    delete entry.failed
    entry.at = this.now()
    this.#entries.delete(nonce)
    this.#entries.set(nonce, entry)
    this.#carrier.store(nonce, plain(entry))
    this.#carrier.changed(entry.frame.room)
    this.pump()
  }

  /** Forgets a refused command. */
  discard(nonce: string): void {
    if (this.#entries.get(nonce)?.failed) this.#remove(nonce)
  }

  /** Forgets all commands for a room that is mine no more. */
  drop(room: string): void {
    for (const entry of this.of(room)) {
      this.#settle(entry.frame.nonce!, new ParleyError("not_found", "you are not in this room any more", 404))
      this.#remove(entry.frame.nonce!)
    }
  }

  /** The server has answered. */
  acknowledged(nonce: string): void {
    if (!this.#entries.has(nonce)) return
    this.#settle(nonce)
    this.#remove(nonce)
  }

  /** The server has refused, for now or for good. */
  refused(nonce: string, error: ParleyError): void {
    const entry = this.#entries.get(nonce)
    if (!entry) return
    if (error.retryable) {
      const lane = this.#lane(entry.frame.room)
      lane.flying = undefined
      lane.notBefore = Date.now() + (error.retryAfterMs ?? 0) + backoff(entry.tries++)
      return this.pump()
    }
    this.#fail(nonce, entry, error)
    this.pump()
  }

  /** What was on its way may be lost. */
  disconnected(): void {
    this.#lanes.clear()
    clearTimeout(this.#timer)
  }

  /** The nonce of the command that has probably made this message of mine, which came without one. */
  claim(message: Message): string | undefined {
    for (const [nonce, entry] of this.#entries) {
      const { frame } = entry
      if (frame.type !== "send" || frame.room !== message.room || entry.claimed || entry.failed) continue
      if (message.seq! <= entry.after || frame.text !== message.text || frame.reply_to !== message.reply_to || frame.thread !== message.thread) continue
      entry.claimed = message.seq!
      return nonce
    }
    return undefined
  }

  /** The message that a command was taken to have made, if it was. */
  claimed(nonce: string): number | undefined {
    return this.#entries.get(nonce)?.claimed
  }

  /** The messages of a room are forgotten, and with them what they were taken for. */
  disclaim(room: string): void {
    for (const entry of this.of(room)) delete entry.claimed
  }

  /** Sends what may be sent now. */
  pump(): void {
    const now = Date.now()
    let next = Infinity
    const passed = new Set<string>()
    for (const [nonce, entry] of this.#entries) {
      const { room } = entry.frame
      if (entry.failed || passed.has(room)) continue
      passed.add(room)
      const lane = this.#lane(room)
      if (lane.flying || !this.#carrier.ready(room)) continue
      if (lane.notBefore > now) next = Math.min(next, lane.notBefore)
      else this.#launch(nonce, entry, lane)
    }
    clearTimeout(this.#timer)
    if (next < Infinity) this.#timer = setTimeout(() => this.pump(), next - now)
  }

  #launch(nonce: string, entry: Waiting, lane: Lane): void {
    const refusal = bytes(JSON.stringify(entry.frame)) > maxFrame ? new ParleyError("too_large", "the message is too large", 413)
      : bytes(nonce) > maxNonce && new ParleyError("invalid", "the nonce is too long", 422)
    if (refusal) {
      this.#fail(nonce, entry, refusal)
      queueMicrotask(() => this.pump())
    } else if (this.#carrier.send(entry.frame)) {
      lane.flying = nonce
    }
  }

  #lane(room: string): Lane {
    let lane = this.#lanes.get(room)
    if (!lane) this.#lanes.set(room, (lane = { notBefore: 0 }))
    return lane
  }

  /** A message that was refused stays, to be tried again or thrown away. A change of one does not. */
  #fail(nonce: string, entry: Waiting, error: ParleyError): void {
    this.#settle(nonce, error)
    if (entry.frame.type !== "send") return this.#remove(nonce)
    const lane = this.#lane(entry.frame.room)
    if (lane.flying === nonce) lane.flying = undefined
    entry.failed = { code: error.code, detail: error.detail }
    this.#carrier.store(nonce, plain(entry))
    this.#carrier.changed(entry.frame.room)
  }

  #settle(nonce: string, error?: ParleyError): void {
    const promise = this.#promises.get(nonce)
    this.#promises.delete(nonce)
    if (error) promise?.reject(error)
    else promise?.resolve()
  }

  #remove(nonce: string): void {
    const { room } = this.#entries.get(nonce)!.frame
    this.#entries.delete(nonce)
    const lane = this.#lane(room)
    if (lane.flying === nonce) lane.flying = undefined
    this.#carrier.store(nonce, undefined)
    this.#carrier.changed(room)
    this.pump()
  }
}

function plain({ frame, at, after, failed }: Entry): Entry {
  return { frame, at, after, ...(failed && { failed }) }
}

/** What a command that waits looks like in a timeline. */
export function toMessage(entry: Entry, by: string): Message | undefined {
  const { frame, failed } = entry
  if (frame.type !== "send") return undefined
  return {
    kind: "message", key: frame.nonce!, room: frame.room, by, at: entry.at, text: frame.text, deleted: false, replyCount: 0, reactions: [],
    mentions: [], mentionAll: false, state: failed ? "failed" : "sending",
    ...links(frame),
    ...(failed && { error: new ParleyError(failed.code, failed.detail) }),
  }
}
