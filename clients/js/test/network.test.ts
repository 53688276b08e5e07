import assert from "node:assert/strict"
import { mock, test } from "node:test"
import { Client, MemoryStorage, type Message, type Room, type StoredSession } from "../src/index.ts"
import { isOnline, passes, seeded, Town, type Faults } from "./fake/town.ts"

const runs = Number(process.env.RUNS ?? 15)
const first = Number(process.env.SEED ?? 1)

/** What a timeline shows of the messages that the server has. */
function shown(room: Room): unknown[] {
  return room.timeline.items.filter((item): item is Message => item.kind === "message").map((m) => [
    m.seq, m.text, m.deleted, m.state, m.replyCount, m.reactions.map((r) => [r.emoji, r.count, [...r.users].sort(), r.me]).sort()])
}

function expected(town: Town, room: string, me: string): unknown[] {
  return [...town.fold(room, me)].map(([seq, m]) => [
    seq, m.text, m.deleted, "sent", m.replies, [...m.reactions].map(([emoji, who]) => [emoji, who.size, [...who].sort(), who.has(me)]).sort()])
}

/** Somebody who does things at random, in a client that is now and then started anew. */
class Somebody {
  client!: Client
  said = new Map<string, string[]>()
  heard = new Map<string, string[]>()
  doubled: string[] = []
  #town: Town
  #session: StoredSession
  #storage = new MemoryStorage()
  #count = 0

  constructor(town: Town, session: StoredSession) {
    this.#town = town
    this.#session = session
    this.start()
  }

  get me(): string {
    return this.#session.user.id
  }

  start(): void {
    this.client = new Client({ url: "http://town", session: this.#session, storage: this.#storage, socket: this.#town.socket, fetch: this.#town.fetch })
    this.client.on("message", ({ room, message }) => {
      const heard = this.heard.get(room.id) ?? []
      this.heard.set(room.id, [...heard, message.id!])
    })
    this.client.on("error", ({ error }) => assert.match(String(error), /unavailable|internal|rate_limited/))
    this.client.connect()
  }

  async restart(): Promise<void> {
    await this.client.close()
    this.start()
  }

  acts(): void {
    const { random } = this.#town
    const rooms = this.client.rooms.all
    const room = rooms[Math.floor(random() * rooms.length)]
    if (!room) return
    const sent = room.timeline.items.filter((item): item is Message => item.kind === "message" && item.state === "sent" && !item.deleted)
    const some = sent[Math.floor(random() * sent.length)]
    const what = random()
    const fails = (refusal: { code: string }): void => assert.equal(refusal.code, "not_found")
    if (!room.timeline.loaded) void room.timeline.load()
    else if (some && what < 0.15 && some.by === this.me) room.edit(some.seq!, `edited ${++this.#count}`).catch(fails)
    else if (some && what < 0.2 && some.by === this.me) room.delete(some.seq!).catch(fails)
    else if (some && what < 0.4) room.react(some.seq!, ["👍", "🎉"][Math.floor(random() * 2)]!, random() < 0.6).catch(fails)
    else if (what < 0.45) room.markRead()
    else this.#says(room, some && !some.thread && what < 0.55 ? some.seq : undefined)
  }

  #says(room: Room, thread: number | undefined): void {
    const text = `${this.#session.user.username} ${++this.#count}`
    this.said.set(room.id, [...(this.said.get(room.id) ?? []), text])
    room.send(text, thread ? { thread, reply_to: thread } : {})
  }

  get settled(): boolean {
    return isOnline(this.client) && this.client.rooms.all.every((room) =>
      room.timeline.loaded && !room.timeline.hasOlder && room.cursor === this.#town.rooms.get(room.id)!.log.length &&
      room.timeline.items.every((item) => item.kind === "notice" || item.state === "sent"))
  }
}

async function run(seed: number, faults: Faults): Promise<void> {
  mock.timers.enable({ apis: ["setTimeout", "Date"], now: Date.parse("2026-01-02T00:00:00Z") })
  const random = seeded(seed)
  const original = Math.random
  Math.random = random
  const town = new Town(random)
  try {
    const people = [town.user("ann"), town.user("bob"), town.user("eve")]
    const rooms = [town.room(...people.map(({ user }) => user)), town.room(people[0]!.user, people[1]!.user)]
    const everybody = people.map((session) => new Somebody(town, session))
    await passes(mock.timers, () => everybody.every(({ client }) => isOnline(client)))
    town.faults = faults
    let steps = 0
    await passes(mock.timers, () => {
      for (const somebody of everybody) if (random() < 0.3) somebody.acts()
      if (town.chance(faults.drop / 4)) town.cut()
      if (town.chance(faults.drop / 10)) town.down = !town.down
      return ++steps > 250
    })
    await everybody[0]!.client.close()
    everybody[0]!.start()
    town.faults = { drop: 0, double: 0, reorder: 0, lose: 0, delay: 0, busy: 0 }
    town.down = false
    for (const room of rooms) town.say(room, people[0]!.user, "the last word") // what was lost at the end shows by it
    await passes(mock.timers, () => {
      for (const { client } of everybody) {
        for (const room of client.rooms.all) {
          if (!room.timeline.loaded) void room.timeline.load()
          else if (room.timeline.hasOlder) void room.timeline.loadOlder()
        }
      }
      return everybody.every((somebody) => somebody.settled)
    })
    check(town, rooms, everybody)
    await Promise.all(everybody.map(({ client }) => client.close()))
  } finally {
    Math.random = original
    mock.timers.reset()
  }
}

function check(town: Town, rooms: string[], everybody: Somebody[]): void {
  for (const id of rooms) {
    const { log, members } = town.rooms.get(id)!
    const sent = log.filter(({ kind }) => kind === "message")
    for (const somebody of everybody.filter(({ me }) => members.has(me))) {
      const mine = sent.filter(({ by, body }) => by === somebody.me && body.text !== "the last word").map(({ body }) => body.text)
      assert.deepEqual(mine, somebody.said.get(id) ?? [], "everything was said once and in order")
      const room = somebody.client.rooms.get(id)!
      assert.deepEqual(shown(room), expected(town, id, somebody.me), "the timeline is the fold of the room")
      assert.deepEqual(somebody.heard.get(id), sent.slice(-somebody.heard.get(id)!.length).map((event) => event.id), "each was heard once and in order")
      assert.equal(new Set(room.timeline.items.map(({ key }) => key)).size, room.timeline.items.length, "keys are unique")
    }
  }
}

const kinds: Record<string, Faults> = {
  "a network that breaks": { drop: 8, double: 0, reorder: 0, lose: 0, delay: 0, busy: 0 },
  "a network that is slow": { drop: 2, double: 0, reorder: 0, lose: 0, delay: 30, busy: 0 },
  "a network that doubles, loses and turns around": { drop: 2, double: 20, reorder: 20, lose: 10, delay: 5, busy: 0 },
  "a server that puts off": { drop: 2, double: 0, reorder: 0, lose: 0, delay: 5, busy: 25 },
  "all of it": { drop: 5, double: 10, reorder: 10, lose: 5, delay: 10, busy: 10 },
}

for (const [kind, faults] of Object.entries(kinds)) {
  test(`everything happens once and in order over ${kind}`, async () => {
    for (let seed = first; seed < first + runs / 5; seed++) {
      await run(seed, faults).catch((thrown: unknown) => {
        throw new Error(`repeat it with SEED=${seed} RUNS=5`, { cause: thrown })
      })
    }
  })
}
