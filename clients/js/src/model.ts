import type { ParleyError } from "./error.ts"
import type { Wire } from "./wire.ts"

/** Somebody, as others see them. */
export type User = Wire<"User">
/** A room as the server describes it: also one that I am not in. */
export type RoomInfo = Wire<"Room">
/** What happened in a room, as the server numbers it. */
export type Event = Wire<"Event">
/** The tokens of one sign-in. */
export type Session = Wire<"Tokens">
/** Somebody in a room. */
export type Member = Wire<"Member">
/** How present somebody is. */
export type Status = Wire<"Presence">["status"]

/** Who is signed in, and by what. */
export interface StoredSession {
  session: Session
  user: User
  /** Names a renewal of the tokens that has begun: its answer has not come yet. */
  renewal?: string
}

/** An emoji under a message. */
export interface Reaction {
  readonly emoji: string
  readonly count: number
  /** The first 20 of them. */
  readonly users: readonly string[]
  readonly me: boolean
}

/** A message as it stands now: edits, deletion and reactions folded in. Never changed: a newer one takes its place. */
export interface Message {
  readonly kind: "message"
  /** Names the message in lists; the same before and after it was acknowledged. */
  readonly key: string
  readonly room: string
  /** Its place in the room. Absent until it is acknowledged. */
  readonly seq?: number
  readonly id?: string
  readonly by: string
  /** Milliseconds since 1970. */
  readonly at: number
  readonly text: string
  readonly editedAt?: number
  readonly deleted: boolean
  readonly reply_to?: number
  readonly thread?: number
  /** Of a thread's root. */
  readonly replyCount: number
  readonly reactions: readonly Reaction[]
  /** Ids of the members that the server found mentioned. */
  readonly mentions: readonly string[]
  readonly mentionAll: boolean
  readonly attachments?: unknown
  readonly meta?: object
  /** `sending` also while a change of it is on its way. */
  readonly state: "sending" | "sent" | "failed"
  /** Why it failed. */
  readonly error?: ParleyError
}

/** Something else that happened: somebody came or left, the room was renamed. */
export interface Notice {
  readonly kind: "notice"
  readonly key: string
  readonly room: string
  readonly seq: number
  readonly by: string
  /** Milliseconds since 1970. */
  readonly at: number
  readonly event: Event
}

/** What a timeline is made of. */
export type Item = Message | Notice

/** Why a connection is not there. `code` is a close code, an error code, or `offline`. */
export interface Reason {
  code: number | string
  text: string
}

/** What is with the connection. */
export type ConnectionState =
  | { phase: "idle" }
  | { phase: "connecting"; attempt: number }
  /** `leader`: this tab holds the socket. */
  | { phase: "online"; leader: boolean }
  /** `retryAt`: milliseconds since 1970. */
  | { phase: "waiting"; attempt: number; retryAt: number; reason: Reason }
  /** The browser says that there is no network. */
  | { phase: "offline"; reason: Reason }
  /** For good: signed out, the session was revoked, or the server wants nothing to do with us. */
  | { phase: "ended"; reason: Reason }
