import type { Event, Item, Message, Notice, Reaction } from "./model.ts"
import type { Wire } from "./wire.ts"

/** How many users a reaction names; more are counted only. */
const named = 20

/** A message of history or search. */
export function fromHistory(m: Wire<"Message">, key = m.id): Message {
  return {
    kind: "message", key, room: m.room, seq: m.seq, id: m.id, by: m.by, at: Date.parse(m.at), text: m.text, deleted: m.deleted ?? false,
    replyCount: m.reply_count ?? 0, reactions: m.reactions, mentions: m.mentions ?? [], mentionAll: m.mention_all ?? false, state: "sent",
    ...(m.edited_at && { editedAt: Date.parse(m.edited_at) }), ...links(m),
  }
}

/** What a message, or a command that makes one, says beside its text. */
export function links(m: { reply_to?: number; thread?: number; attachments?: unknown; meta?: unknown }): Partial<Message> {
  return {
    ...(m.reply_to && { reply_to: m.reply_to }), ...(m.thread && { thread: m.thread }),
    ...(m.attachments !== undefined && { attachments: m.attachments }), ...(m.meta !== undefined && { meta: m.meta as object }),
  }
}

/** What an event shows in a timeline; undefined for events that change another item. */
export function fromEvent(e: Event, key = e.nonce ?? e.id): Item | undefined {
  if (e.kind === "message") return fromHistory({ text: "", reactions: [], ...e.body, ...e } as Wire<"Message">, key)
  if (e.kind === "member" || e.kind === "room") {
    return { kind: "notice", key: e.id, room: e.room, seq: e.seq, by: e.by, at: Date.parse(e.at), event: e } satisfies Notice
  }
  return undefined
}

/** What a message becomes by an event that is about it. `me` is who looks at it. The same object when nothing changes. */
export function fold(m: Message, e: Pick<Event, "kind" | "by" | "at" | "body">, me: string): Message {
  if (m.deleted) return m
  switch (e.kind) {
    case "edit":
      return e.body.text === undefined ? m : { ...m, text: e.body.text, editedAt: Date.parse(e.at) }
    case "delete": {
      const { editedAt: _, attachments: __, meta: ___, ...rest } = m
      return { ...rest, text: "", deleted: true, reactions: [], mentions: [], mentionAll: false }
    }
    case "reaction": {
      const { emoji, op } = e.body
      return emoji ? { ...m, reactions: react(m.reactions, emoji, e.by, op === "add", e.by === me) } : m
    }
  }
  return m
}

/** Puts somebody's emoji under a message, or takes it away. */
export function react(reactions: readonly Reaction[], emoji: string, by: string, on: boolean, mine: boolean): readonly Reaction[] {
  const at = reactions.findIndex((r) => r.emoji === emoji)
  const was = reactions[at] ?? { emoji, count: 0, users: [], me: false }
  const there = mine ? was.me : was.users.includes(by)
  // Somebody who is counted but not named cannot be told from somebody who is not there.
  if (there === on && (mine || on || was.count <= was.users.length)) return reactions
  const users = on ? [...was.users, by].slice(0, named) : was.users.filter((user) => user !== by)
  const now = { emoji, count: was.count + (on ? 1 : -1), users, me: mine ? on : was.me }
  if (at < 0) return [...reactions, now]
  return now.count > 0 ? reactions.with(at, now) : reactions.toSpliced(at, 1)
}
