import assert from "node:assert/strict"
import { afterEach, beforeEach, mock, test } from "node:test"
import { Client, MemorySessions, MemoryStorage, type Message, type Room, type StoredSession } from "../src/index.ts"
import { Browser, type Tab } from "./fake/browser.ts"
import { isOnline, passes, seeded, Town, waits } from "./fake/town.ts"

let town: Town
let browser: Browser
let ann: StoredSession
let bob: StoredSession
let room: string
let storage: MemoryStorage
let sessions: MemorySessions
let clients: Client[]

beforeEach(() => {
  mock.timers.enable({ apis: ["setTimeout", "Date"], now: Date.parse("2026-01-02T00:00:00Z") })
  ;[town, browser, storage, sessions, clients] = [new Town(seeded(1)), new Browser(), new MemoryStorage(), new MemorySessions(), []]
  ;[ann, bob] = [town.user("ann"), town.user("bob")]
  room = town.room(ann.user, bob.user)
})
afterEach(async () => {
  await Promise.all(clients.map((client) => client.close()))
  mock.timers.reset()
})

async function open(): Promise<{ tab: Tab; client: Client }> {
  const tab = browser.tab()
  // A dead tab's socket is closed by the browser, and nothing of it runs on.
  const client = new Client({ url: "http://town", session: ann, sessions, storage, platform: tab.platform, fetch: town.fetch, socket: () => {
    const socket = town.socket()
    tab.killed.catch(() => socket.close())
    return socket
  } })
  clients.push(client)
  client.connect()
  await passes(mock.timers, () => isOnline(client))
  return { tab, client }
}

const texts = (client: Client): string[] => client.rooms.get(room)!.timeline.items.filter((item): item is Message => item.kind === "message").map(({ text }) => text)
const leads = (client: Client): boolean => client.connection.state.phase === "online" && client.connection.state.leader
const at = (client: Client): Room => client.rooms.get(room)!

test("tabs share one socket, and all of them see everything", async () => {
  const [one, two] = [await open(), await open()]
  assert.deepEqual([leads(one.client), leads(two.client)], [true, false])
  assert.equal(town.hellos.length, 1)
  await Promise.all([at(one.client).timeline.load(), at(two.client).timeline.load()])
  const said = at(two.client).send("from the second tab")
  assert.equal(said.state, "sending")
  await passes(mock.timers, () => [one, two].every(({ client }) => at(client).timeline.items.at(-1)?.seq === 2))
  assert.deepEqual([texts(one.client), texts(two.client)], [["from the second tab"], ["from the second tab"]])
  for (const { client } of [one, two]) assert.equal(at(client).timeline.items.at(-1)!.key, said.key)
  town.say(room, bob.user, "hello")
  await passes(mock.timers, () => texts(two.client).at(-1) === "hello")
  assert.equal(at(one.client).unread, 1)
  at(two.client).markRead()
  await passes(mock.timers, () => at(one.client).unread === 0)
  await waits(mock.timers, 1_000)
  assert.deepEqual(town.frames.filter(({ type }) => type === "read"), [{ type: "read", room, seq: 3 }])
  at(one.client).setDraft("half a sent")
  await passes(mock.timers, () => at(two.client).draft === "half a sent")
})

for (const how of ["closes", "dies"] as const) {
  test(`when the leading tab ${how} another takes its place, and nothing is lost or doubled`, async () => {
    const [one, two, three] = [await open(), await open(), await open()]
    const heard: string[] = []
    three.client.on("message", ({ message }) => heard.push(message.text))
    for (const { client } of [one, two, three]) await at(client).timeline.load()
    town.say(room, bob.user, "before")
    await passes(mock.timers, () => texts(three.client).length === 1)

    // What the leader has taken, and nobody has answered yet.
    town.faults = { ...town.faults, drop: 100 }
    at(two.client).send("in between")
    await passes(mock.timers, () => !isOnline(one.client))
    town.say(room, bob.user, "while nobody listened")
    if (how === "dies") one.tab.kill()
    else await one.client.close()
    town.faults = { ...town.faults, drop: 0 }

    await passes(mock.timers, () => [two, three].some(({ client }) => leads(client)))
    await passes(mock.timers, () => [two, three].every(({ client }) => isOnline(client) && texts(client).length === 3))
    await passes(mock.timers, () => [two, three].every(({ client }) => at(client).timeline.items.every((item) => item.kind === "notice" || item.state === "sent")))
    const order = ["before", "while nobody listened", "in between"]
    for (const { client } of [two, three]) assert.deepEqual(texts(client), order)
    assert.deepEqual(heard, order)
    assert.equal(town.sockets.size, 1)
    at(three.client).send("and on")
    await passes(mock.timers, () => [two, three].every(({ client }) => texts(client).at(-1) === "and on" && at(client).timeline.items.at(-1)!.seq === 5))
  })
}

test("an answer to one tab that comes late takes nothing back in the others", async () => {
  const [one, two] = [await open(), await open()]
  let arrive!: () => void
  const late = new Promise<void>((resolve) => (arrive = resolve))
  town.instead = async (method) => {
    if (method !== "PATCH") return undefined
    const info = { ...town.describe(room, ann.user.id), muted: true }
    await late
    return Response.json(info)
  }
  const muted = at(two.client).setMine({ muted: true })
  await waits(mock.timers, 100)
  town.say(room, bob.user, "while the answer is on its way")
  await passes(mock.timers, () => [one, two].every(({ client }) => at(client).unread === 1))
  arrive()
  await muted
  await passes(mock.timers, () => at(one.client).muted)
  for (const { client } of [one, two]) assert.deepEqual([at(client).unread, at(client).info.head], [1, 2])
})

test("a tab that is opened later takes over what the leader knows", async () => {
  const one = await open()
  await at(one.client).timeline.load()
  for (let i = 0; i < 5; i++) town.say(room, bob.user, `n${i}`)
  await passes(mock.timers, () => texts(one.client).length === 5)
  town.faults = { ...town.faults, busy: 100 }
  at(one.client).send("waiting")
  const two = await open()
  assert.equal(at(two.client).unread, 5)
  town.faults = { ...town.faults, busy: 0 }
  await at(two.client).timeline.load()
  await passes(mock.timers, () => texts(two.client).length === 6)
  assert.deepEqual(texts(two.client), texts(one.client))
})

test("a page that is left stores at once what it shows", async () => {
  const one = await open()
  await at(one.client).timeline.load()
  await waits(mock.timers, 1_000)
  town.say(room, bob.user, "the last")
  await passes(mock.timers, () => texts(one.client).length === 1, 100, 0)
  one.tab.events.dispatchEvent(new Event("pagehide"))
  one.tab.kill()
  town.instead = () => Promise.reject(new TypeError("fetch failed"))
  town.down = true
  const tab = browser.tab()
  const client = new Client({ url: "http://town", session: ann, sessions, storage, platform: tab.platform, fetch: town.fetch, socket: town.socket })
  clients.push(client)
  client.connect()
  await passes(mock.timers, () => client.rooms.loaded)
  await at(client).timeline.load()
  assert.deepEqual(texts(client), ["the last"])
  assert.equal(at(client).unread, 1)
})

test("a refused message is refused in all tabs, and any of them decides about it", async () => {
  const [one, two] = [await open(), await open()]
  for (const { client } of [one, two]) await at(client).timeline.load()
  const { key } = at(one.client).send("refuse me")
  const state = (client: Client): string | undefined => at(client).timeline.items.flatMap((item) => item.key === key && item.kind === "message" ? [item.state] : [])[0]
  await passes(mock.timers, () => state(one.client) === "failed" && state(two.client) === "failed")
  at(two.client).retry(key)
  await passes(mock.timers, () => town.frames.filter(({ type }) => type === "send").length === 2 && state(two.client) === "failed")
  at(two.client).discard(key)
  await passes(mock.timers, () => state(one.client) === undefined && state(two.client) === undefined)
  await waits(mock.timers, 1_000)
  assert.deepEqual(await storage.keys(`http://town|${ann.user.id}|out|`), [])
})

test("signing out in one tab ends them all", async () => {
  const [one, two] = [await open(), await open()]
  town.instead = (method, path) => method === "DELETE" && path === "sessions/current" ? new Response(null, { status: 204 }) : undefined
  await two.client.signOut()
  await passes(mock.timers, () => one.client.connection.state.phase === "ended")
  assert.equal(await sessions.load(), undefined)
  assert.deepEqual(await storage.keys(""), [])
})

test("presence is watched for all tabs together, also by the next leader", async () => {
  const [one, two] = [await open(), await open()]
  one.client.watchPresence(["a", "b"])
  two.client.watchPresence(["b", "c"])
  const watched = (): string => [...town.frames.filter((frame) => frame.type === "watch_presence").at(-1)?.users ?? []].sort().join()
  await passes(mock.timers, () => watched() === "a,b,c")
  two.client.watchPresence(["d"])
  await passes(mock.timers, () => watched() === "a,b,d")
  await one.client.close()
  await passes(mock.timers, () => leads(two.client))
  await passes(mock.timers, () => watched() === "d")
})

test("what was opened, and whose it is, is there without a network, also when nothing has happened since", async () => {
  town.say(room, bob.user, "read once")
  const { client } = await open()
  await at(client).timeline.load()
  client.users.get(bob.user.id)
  await passes(mock.timers, () => client.users.get(bob.user.id) !== undefined)
  await waits(mock.timers, 1_000)
  const later = new Client({
    url: "http://town", session: ann, sessions, storage, shareTabs: false,
    fetch: () => Promise.reject(new TypeError("no network")),
    socket: () => {
      const socket = town.socket()
      socket.close()
      return socket
    },
  })
  clients.push(later)
  later.connect()
  await passes(mock.timers, () => later.rooms.loaded)
  await at(later).timeline.load()
  assert.deepEqual(texts(later), ["read once"])
  assert.equal(later.users.get(bob.user.id)?.username, "bob")
})
