import assert from "node:assert/strict"
import { afterEach, beforeEach, mock, test } from "node:test"
import { Client, MemoryStorage, type ParleyError, type StoredSession, type User } from "../src/index.ts"
import { Browser } from "./fake/browser.ts"
import { isOnline, passes, seeded, signed, Town, waits } from "./fake/town.ts"

let town: Town
let browser: Browser
let ann: StoredSession
let bob: StoredSession
let room: string
let storage: MemoryStorage
let clients: Client[]

beforeEach(() => {
  mock.timers.enable({ apis: ["setTimeout", "Date"], now: Date.parse("2026-01-02T00:00:00Z") })
  ;[town, browser, storage, clients] = [new Town(seeded(1)), new Browser(), new MemoryStorage(), []]
  ;[ann, bob] = [town.user("ann"), town.user("bob")]
  room = town.room(ann.user, bob.user)
})
afterEach(async () => {
  await Promise.all(clients.map((client) => client.close()))
  mock.timers.reset()
})

/** A client in a tab of its own, whose program gives it tokens. */
function open(token: () => Promise<string>): Client {
  const client = new Client({ url: "http://town", token, storage, platform: browser.tab().platform, fetch: town.fetch, socket: town.socket })
  clients.push(client)
  client.connect()
  return client
}

const of = (user: User) => async (): Promise<string> => signed(user)
const phase = (client: Client): string => client.connection.state.phase
/** The town hears nothing of what is sent; what this returns ends that. */
function deaf(): () => void {
  const { hear } = town
  town.hear = (socket, frame) => frame.type === "send" ? undefined : hear.call(town, socket, frame)
  return () => void (town.hear = hear)
}
const said = (): unknown[] => town.rooms.get(room)!.log.slice(1).map(({ by, body }) => [town.users.get(by)!.username, body.text])

test("two people of one browser share neither rooms nor drafts, nor what waits to be sent, nor a socket", async () => {
  const secret = town.room(ann.user)
  const first = open(of(ann.user))
  await passes(mock.timers, () => isOnline(first))
  first.rooms.get(secret)!.setDraft("nobody must see this")
  const hears = deaf()
  first.rooms.get(room)!.send("ann says this")
  await waits(mock.timers, 500)
  await first.close()
  hears()

  const other = open(of(bob.user))
  await passes(mock.timers, () => isOnline(other))
  assert.deepEqual(other.rooms.all.map(({ id }) => id), [room])
  await waits(mock.timers, 3_000)
  assert.deepEqual(said(), [])

  const again = open(of(ann.user))
  await passes(mock.timers, () => isOnline(again))
  assert.equal(again.rooms.get(secret)!.draft, "nobody must see this")
  await passes(mock.timers, () => said().length === 1)
  assert.deepEqual(said(), [["ann", "ann says this"]])
  assert.deepEqual([again.me.username, other.me.username, town.sockets.size], ["ann", "bob", 2])
})

test("nothing is there before there is a token, and everything once there is one", async () => {
  const first = open(of(ann.user))
  await passes(mock.timers, () => isOnline(first))
  await first.close()
  town.down = true
  let fails = true
  const client = open(async () => fails ? Promise.reject(new TypeError("fetch failed")) : signed(ann.user))
  await passes(mock.timers, () => phase(client) === "waiting")
  assert.deepEqual([client.rooms.all, client.me.id], [[], ""])
  await waits(mock.timers, 30_000)
  fails = false
  client.connection.retryNow()
  await passes(mock.timers, () => client.rooms.loaded, 100)
  assert.deepEqual([client.rooms.all.map(({ id }) => id), client.me.username], [[room], "ann"])
  town.down = false
  await passes(mock.timers, () => isOnline(client))
})

test("a client that is closed before it has a token stays closed, and connects again", async () => {
  let give!: (token: string) => void
  const client = open(() => new Promise((resolve) => (give = resolve)))
  await waits(mock.timers, 100)
  await client.close()
  give(signed(ann.user))
  await waits(mock.timers, 5_000)
  assert.deepEqual([phase(client), town.hellos.length], ["idle", 0])
  client.connect()
  await passes(mock.timers, () => isOnline(client))
  assert.equal(town.hellos.length, 1)
})

test("a token of somebody else ends it", async () => {
  let user = ann.user
  const client = open(async () => signed(user))
  await passes(mock.timers, () => isOnline(client))
  user = bob.user
  for (const socket of [...town.sockets]) socket.cut(4401)
  await passes(mock.timers, () => phase(client) === "ended")
  assert.equal((client.connection.state as { reason: { code: string } }).reason.code, "unauthenticated")
  assert.equal(town.hellos.length, 1)
})

test("a token that does not say whose it is ends it", async () => {
  const client = open(async () => `${ann.user.id}/opaque`)
  await passes(mock.timers, () => phase(client) === "ended")
  await assert.rejects(client.api.me(), (refusal: ParleyError) => refusal.code === "unauthenticated")
  assert.deepEqual([town.hellos, await storage.keys("")], [[], []])
})

test("what is stored of somebody whom the server has made anew is forgotten", async () => {
  const first = open(of(ann.user))
  await passes(mock.timers, () => isOnline(first))
  const hears = deaf()
  first.rooms.get(room)!.send("said to another server")
  await waits(mock.timers, 500)
  await first.close()
  hears()

  const anew = town.user("ann")
  const { members } = town.rooms.get(room)!
  members.add(anew.user.id)
  const client = open(of(anew.user)) // the same iss and sub
  await passes(mock.timers, () => isOnline(client))
  await waits(mock.timers, 3_000)
  assert.deepEqual([said(), client.me.id], [[], anew.user.id])
  assert.equal((await storage.keys("")).some((key) => key.includes("|out|")), false)
  assert.deepEqual(client.rooms.all.map(({ id }) => id), [room])
})
