import "fake-indexeddb/auto"
import assert from "node:assert/strict"
import { mock, test } from "node:test"
import { backoff } from "../src/backoff.ts"
import { fold, fromHistory, react } from "../src/fold.ts"
import { Inbox } from "../src/inbox.ts"
import { IndexedDbStorage, MemoryStorage, Observable, ParleyError, uuid, type Event, type Message, type Reaction } from "../src/index.ts"
import { passes, seeded } from "./fake/town.ts"

test("ids are UUIDs of version 7 in the order in which they were made", () => {
  const ids = Array.from({ length: 10_000 }, uuid)
  for (const id of ids) assert.match(id, /^[\da-f]{8}-[\da-f]{4}-7[\da-f]{3}-[89ab][\da-f]{3}-[\da-f]{12}$/)
  assert.deepEqual(ids, [...ids].sort())
  assert.equal(new Set(ids).size, ids.length)
  assert.ok(Math.abs(parseInt(ids[0]!.replace("-", "").slice(0, 12), 16) - Date.now()) < 10_000)
})

test("backoff is at least nothing and at most its bound", () => {
  for (let attempt = 0; attempt < 40; attempt++) {
    const ms = backoff(attempt)
    assert.ok(ms >= 0 && ms < Math.min(20_000, 500 * 2 ** attempt))
  }
})

test("changes are told once per microtask, and not to those who have left", async () => {
  class Thing extends Observable {}
  const thing = new Thing()
  let [told, other] = [0, 0]
  const leave = thing.subscribe(() => told++)
  const { subscribe } = thing
  subscribe(() => other++)
  thing.changed()
  thing.changed()
  await null
  assert.deepEqual([told, other, thing.version], [1, 1, 2])
  leave()
  thing.changed()
  await null
  assert.deepEqual([told, other], [1, 2])
})

for (const [name, storage] of [["memory", new MemoryStorage()], ["IndexedDB", new IndexedDbStorage("test")]] as const) {
  test(`storage in ${name} keeps copies, in the order of their keys`, async () => {
    const value = { list: [1, 2] }
    await storage.set("a|2", value)
    value.list.push(3)
    await storage.set("a|1", "first")
    await storage.set("b|1", "other")
    assert.deepEqual(await storage.get("a|2"), { list: [1, 2] })
    assert.deepEqual(await storage.keys("a|"), ["a|1", "a|2"])
    await storage.delete("a|1")
    assert.deepEqual(await storage.keys(""), ["a|2", "b|1"])
    assert.equal(await storage.get("a|1"), undefined)
  })
}

test("a database that was taken away is opened anew", async () => {
  const storage = new IndexedDbStorage("taken")
  await storage.set("a", 1)
  await new Promise((resolve) => (indexedDB.deleteDatabase("taken").onsuccess = resolve))
  await storage.set("b", 2)
  assert.deepEqual(await storage.keys(""), ["b"])
})

const message: Message = fromHistory({ room: "r", seq: 1, id: "i", by: "ann", at: "2026-01-01T00:00:00.000Z", text: "hi", reactions: [] })
const event = (kind: Event["kind"], body: Event["body"], by = "bob"): Event => ({ room: "r", seq: 9, id: "e", kind, by, at: "2026-01-01T00:00:01.000Z", target: 1, body })

test("edits, deletions and reactions make another message of one", () => {
  const edited = fold(message, event("edit", { text: "ho" }), "ann")
  assert.deepEqual([edited.text, edited.editedAt, message.text], ["ho", Date.parse("2026-01-01T00:00:01.000Z"), "hi"])
  const deleted = fold(edited, event("delete", {}), "ann")
  assert.deepEqual([deleted.text, deleted.deleted, "editedAt" in deleted], ["", true, false])
  assert.equal(fold(deleted, event("edit", { text: "late" }), "ann"), deleted)
  assert.equal(fold(message, event("edit", { deleted: true }), "ann"), message, "what was cleared since")
  assert.deepEqual(fold(message, event("reaction", { emoji: "👍", op: "add" }), "bob").reactions, [{ emoji: "👍", count: 1, users: ["bob"], me: true }])
})

test("reactions are counted beyond those who are named", () => {
  let reactions: readonly Reaction[] = []
  for (let i = 0; i < 25; i++) reactions = react(reactions, "👍", `u${i}`, true, false)
  assert.deepEqual([reactions[0]!.count, reactions[0]!.users.length], [25, 20])
  assert.equal(react(reactions, "👍", "u3", true, false), reactions, "nobody counts twice")
  reactions = react(reactions, "👍", "u24", false, false)
  assert.equal(reactions[0]!.count, 24)
  reactions = react(reactions, "👍", "me", true, true)
  assert.equal(react(reactions, "👍", "me", true, true), reactions)
  assert.equal(react(reactions, "👍", "me", false, true)[0]!.count, 24)
  assert.equal(react(reactions, "🎉", "me", false, true), reactions)
})

/** An inbox over a log that is as long as asked for, and what came out of it. `fails` may throw in place of an answer. */
function inbox(length: number, gapLimit = 1_000, fails: (asked: number) => void = () => undefined): { in: Inbox; out: number[]; skips: [number, number][]; log: Event[]; asked: number[] } {
  const log = Array.from({ length }, (_, i) => ({ ...event("message", { text: `${i + 1}` }), seq: i + 1 }))
  const [out, skips, asked]: [number[], [number, number][], number[]] = [[], [], []]
  const made = new Inbox({
    deliver: ({ seq }) => out.push(seq),
    skipped: (_, after, from) => skips.push([after, from]),
    fetch: async (_, after) => {
      asked.push(after)
      fails(asked.length)
      return log.slice(after, after + 10)
    },
    caughtUp: () => undefined,
  }, gapLimit)
  return { in: made, out, skips, log, asked }
}

const settle = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 5))

test("events in any order, doubled or missing come out once and in order", async () => {
  for (let seed = 1; seed <= 200; seed++) {
    const random = seeded(seed)
    const it = inbox(40)
    it.in.enter("r", 0)
    const arriving = it.log.filter(() => random() > 0.2).flatMap((e) => random() < 0.2 ? [e, e] : [e])
    for (let i = arriving.length - 1; i > 0; i--) {
      const j = Math.max(0, i - Math.floor(random() * 4))
      ;[arriving[i], arriving[j]] = [arriving[j]!, arriving[i]!]
    }
    for (const e of arriving) {
      it.in.event(e)
      if (random() < 0.3) await null
    }
    it.in.event(it.log.at(-1)!)
    await settle()
    assert.deepEqual(it.out, it.log.map(({ seq }) => seq), `seed ${seed}`)
  }
})

test("a gap that is too long is skipped, and told", async () => {
  const it = inbox(500, 100)
  it.in.enter("r", 0)
  it.in.truncated("r", 401)
  for (const e of it.log.slice(400)) it.in.event(e)
  await settle()
  assert.deepEqual(it.skips, [[0, 401]])
  assert.deepEqual([it.out[0], it.out.at(-1), it.out.length], [401, 500, 100])
  assert.deepEqual(it.asked, [])
})

for (const [what, failure] of [
  ["a session that has ended", new ParleyError("unauthenticated", "revoked", 401)], ["a program that has no token", new TypeError("fetch failed")],
] as const) {
  test(`a gap is not given up because of ${what}`, async () => {
    mock.timers.enable({ apis: ["setTimeout"] })
    try {
      const it = inbox(30, 1_000, (asked) => {
        if (asked < 20) throw failure
      })
      it.in.enter("r", 0)
      it.in.event(it.log.at(-1)!)
      await passes(mock.timers, () => it.out.length === 30)
      assert.deepEqual(it.skips, [])
    } finally {
      mock.timers.reset()
    }
  })
}

for (const code of ["not_found", "forbidden"] as const) {
  test(`a gap in a room that is ${code} is left as it is`, async () => {
    const it = inbox(30, 1_000, (asked) => {
      if (asked === 1) throw new ParleyError(code, "you are not in this room any more")
    })
    it.in.enter("r", 0)
    it.in.event(it.log.at(-1)!)
    await settle()
    assert.deepEqual([it.out, it.skips, it.asked, it.in.cursor("r")], [[], [], [0], 0])
    it.in.event(it.log.at(-1)!)
    await settle()
    assert.equal(it.out.length, 30)
  })
}

test("a hole that the server keeps is given up", async () => {
  mock.timers.enable({ apis: ["setTimeout"] })
  try {
    const it = inbox(30)
    it.log.splice(0)
    it.in.enter("r", 0)
    it.in.event({ ...event("message", { text: "30" }), seq: 30 })
    await passes(mock.timers, () => it.out.length === 1)
    assert.deepEqual([it.skips, it.asked.length], [[[0, 30]], 6])
  } finally {
    mock.timers.reset()
  }
})

test("what is not mine, and what I have left, is nothing", async () => {
  const it = inbox(5)
  it.in.event(it.log[0]!)
  it.in.enter("r", 0)
  it.in.event(it.log[0]!)
  it.in.event(it.log[4]!)
  it.in.leave("r")
  await settle()
  assert.deepEqual(it.out, [1])
})
