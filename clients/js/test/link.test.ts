import assert from "node:assert/strict"
import { afterEach, beforeEach, mock, test } from "node:test"
import { Client, MemoryStorage, ParleyError, type ClientOptions, type ConnectionState, type SocketLike, type StoredSession } from "../src/index.ts"
import { Tab, Browser } from "./fake/browser.ts"
import { FakeSocket, isOnline, passes, problem, seeded, signed, Town, waits } from "./fake/town.ts"

let town: Town
let ann: StoredSession
let client: Client
let states: ConnectionState[]
let tab: Tab
let sockets: FakeSocket[]

beforeEach(() => {
  mock.timers.enable({ apis: ["setTimeout", "Date"], now: Date.parse("2026-01-02T00:00:00Z") })
  town = new Town(seeded(1))
  ann = town.user("ann")
  tab = new Browser().tab()
  states = []
  sockets = []
})
afterEach(async () => {
  await client.close()
  mock.timers.reset()
})

function start(options: Partial<ClientOptions> = {}): void {
  client = new Client({
    url: "http://town", session: ann, fetch: town.fetch, platform: { events: tab.events, onLine: () => tab.onLine },
    socket: () => {
      const socket = town.socket() as FakeSocket
      sockets.push(socket)
      return socket as SocketLike
    }, ...options,
  })
  client.connection.subscribe(() => states.push(client.connection.state))
  client.connect()
}

const online = (): boolean => isOnline(client)
const phase = (): string => client.connection.state.phase
const pings = (): number => town.frames.filter(({ type }) => type === "ping").length

test("a silent server is pinged after 25 s, and left when no pong comes", async () => {
  start()
  await passes(mock.timers, online)
  await waits(mock.timers, 24_000)
  assert.equal(pings(), 0)
  await waits(mock.timers, 2_000)
  assert.equal(pings(), 1)
  await waits(mock.timers, 60_000)
  assert.ok(online(), "pongs keep it")
  const hear = town.hear
  town.hear = () => undefined
  await passes(mock.timers, () => phase() === "waiting", 40_000)
  assert.deepEqual((client.connection.state as { reason: unknown }).reason, { code: 1006, text: "the server is silent" })
  town.hear = hear
  await passes(mock.timers, online)
})

test("attempts are spread at random below bounds that double from half a second to 20 s", async () => {
  town.down = true
  start()
  const waits: number[] = []
  for (let attempt = 0; attempt < 12; attempt++) {
    await passes(mock.timers, () => phase() === "waiting" && (client.connection.state as { attempt: number }).attempt === attempt)
    const wait = (client.connection.state as { retryAt: number }).retryAt - Date.now()
    assert.ok(wait <= Math.min(20_000, 500 * 2 ** attempt), `${wait} at ${attempt}`)
    waits.push(wait)
    await passes(mock.timers, () => phase() === "connecting" || (client.connection.state as { attempt?: number }).attempt !== attempt)
  }
  assert.ok(new Set(waits).size > 6, "they are not all the same")
  town.down = false
  client.connection.retryNow()
  await passes(mock.timers, online, 1_000)
})

test("bye says when to come back", async () => {
  start()
  await passes(mock.timers, online)
  sockets[0]!.say({ type: "bye", reason: "draining", reconnect_after_ms: 7_000 })
  await waits(mock.timers, 100)
  sockets[0]!.cut(1001)
  await passes(mock.timers, () => phase() === "waiting")
  assert.equal((client.connection.state as { retryAt: number }).retryAt - Date.now() > 6_000, true)
  await waits(mock.timers, 6_000)
  assert.equal(sockets.length, 1)
  await passes(mock.timers, online, 2_000)
})

for (const code of [1001, 1006, 1011, 4408, 4429]) {
  test(`it comes back after ${code}`, async () => {
    start()
    await passes(mock.timers, online)
    sockets[0]!.cut(code)
    await passes(mock.timers, () => phase() === "waiting")
    await passes(mock.timers, online)
  })
}

for (const code of [4400, 4403, 4409, 4413]) {
  test(`it does not come back after ${code}`, async () => {
    start()
    const ended = new Promise((resolve) => client.on("ended", resolve))
    await passes(mock.timers, online)
    sockets[0]!.cut(code)
    await passes(mock.timers, () => phase() === "ended")
    assert.equal(((await ended) as { reason: { code: number } }).reason.code, code)
    await waits(mock.timers, 60_000)
    assert.equal(sockets.length, 1)
  })
}

test("4401 is answered with a fresh token at once, and a server that takes none is left", async () => {
  let token = 0
  start({ token: () => Promise.resolve(signed(ann.user, { n: ++token })), session: undefined! })
  await passes(mock.timers, online)
  sockets[0]!.cut(4401)
  await passes(mock.timers, () => sockets.length === 2 && online(), 500)
  assert.deepEqual(town.hellos.map((hello) => hello.token), [1, 2].map((n) => signed(ann.user, { n })))
  town.hear = (socket) => socket.cut(4401)
  sockets[1]!.cut(1006)
  await passes(mock.timers, () => phase() === "ended")
  assert.equal(sockets.length, 2 + 4)
})

test("the network that comes back is used at once, and the one that goes is not waited for", async () => {
  start()
  await passes(mock.timers, online)
  tab.goes("offline")
  await passes(mock.timers, () => phase() === "offline", 500)
  town.down = true
  await waits(mock.timers, 60_000)
  assert.equal(phase() === "offline" || phase() === "connecting", true)
  town.down = false
  tab.goes("online")
  await passes(mock.timers, online, 500)
})

test("an access token is renewed before it runs out, on the same connection", async () => {
  const jwt = (n: number): string => signed(ann.user, { exp: Date.now() / 1000 + 900, n })
  let made = 0
  start({ token: () => Promise.resolve(jwt(++made)), session: undefined! })
  await passes(mock.timers, online)
  await waits(mock.timers, 800_000)
  assert.equal(made, 1)
  await waits(mock.timers, 60_000)
  assert.equal(made, 2)
  assert.equal(town.frames.filter(({ type }) => type === "auth").length, 1)
  assert.equal(sockets.length, 1)
})

test("more cursors than fit into a frame go in several", async () => {
  const rooms = Array.from({ length: 2_000 }, () => town.room(ann.user))
  start()
  await passes(mock.timers, () => online() && client.rooms.all.length === 2_000)
  sockets[0]!.cut()
  await passes(mock.timers, () => sockets.length === 2 && online())
  const more = town.frames.filter((frame) => frame.type === "cursors")
  assert.deepEqual(more.map((frame) => Object.keys(frame.cursors).length), [800, 400])
  assert.deepEqual([town.hellos[1]!.more, more[0]!.more, more[1]!.more], [true, true, undefined])
  assert.deepEqual(Object.keys(sockets[1]!.cursors).sort(), rooms.sort())
})

test("a token that is refused for good ends it, a server that cannot answer does not", async () => {
  ann.session.access_expires_at = new Date(Date.now()).toISOString()
  let answer = problem(503, "unavailable", { "Retry-After": "3" })
  town.instead = (_, path) => path === "sessions/refresh" ? answer.clone() : undefined
  start()
  await passes(mock.timers, () => phase() === "waiting")
  assert.equal((client.connection.state as { retryAt: number }).retryAt - Date.now(), 3_000)
  answer = problem(401, "unauthenticated")
  await passes(mock.timers, () => phase() === "ended")
  assert.equal((client.connection.state as { reason: { code: string } }).reason.code, "unauthenticated")
})

test("a server that makes no sense is left and come back to", async () => {
  start()
  await passes(mock.timers, online)
  sockets[0]!.onmessage?.({ data: "nonsense" } as never)
  await passes(mock.timers, () => phase() === "waiting")
  await passes(mock.timers, online)
})

test("commands that are put off keep their nonce and their order, and others fail", async () => {
  const room = town.room(ann.user)
  start()
  await passes(mock.timers, online)
  town.faults = { ...town.faults, busy: 100 }
  const there = client.rooms.get(room)!
  await there.timeline.load().catch(() => undefined)
  for (const text of ["one", "two", "three"]) there.send(text)
  await waits(mock.timers, 3_000)
  const nonces = town.frames.flatMap((frame) => frame.type === "send" ? [frame.nonce] : [])
  assert.ok(nonces.length > 2)
  assert.equal(new Set(nonces).size, 1, "the second does not overtake the first")
  town.faults = { ...town.faults, busy: 0 }
  await passes(mock.timers, () => town.rooms.get(room)!.log.length === 4)
  assert.deepEqual(town.rooms.get(room)!.log.slice(1).map(({ body }) => body.text), ["one", "two", "three"])
  const refused = assert.rejects(there.edit(999, "no such message"), (thrown) => thrown instanceof ParleyError && thrown.code === "not_found" && !thrown.retryable)
  await waits(mock.timers, 1_000)
  await refused
})

test("a message that no frame holds fails here, and the connection is not lost by it", async () => {
  const room = town.room(ann.user)
  start()
  await passes(mock.timers, online)
  const there = client.rooms.get(room)!
  await there.timeline.load()
  there.send("x".repeat(70_000))
  there.send("short")
  await passes(mock.timers, () => town.rooms.get(room)!.log.length === 2)
  const [large] = there.timeline.items.filter((item) => item.kind === "message" && item.state === "failed")
  assert.equal(large?.kind === "message" && large.error?.code, "too_large")
  assert.equal(sockets.length, 1)
})

test("a nonce that is too long fails here, and what is said after it is not held up", async () => {
  const room = town.room(ann.user)
  const hear = town.hear.bind(town)
  town.hear = (socket, frame) => "ref" in frame && Buffer.byteLength(frame.ref ?? "") > 128
    ? socket.say({ type: "error", code: "invalid", detail: "a ref has at most 128 bytes" }) : hear(socket, frame) // as the server does
  start()
  await passes(mock.timers, online)
  const there = client.rooms.get(room)!
  await there.timeline.load()
  there.send("long", { nonce: "é".repeat(65) })
  there.send("just right", { nonce: "é".repeat(64) })
  await passes(mock.timers, () => town.rooms.get(room)!.log.length === 2)
  const [failed] = there.timeline.items.filter((item) => item.kind === "message" && item.state === "failed")
  assert.equal(failed?.kind === "message" && failed.error?.code, "invalid")
})

test("what waits is sent in the order in which it was given, also by the next run and however it is called", async () => {
  const room = town.room(ann.user)
  const storage = new MemoryStorage()
  start({ storage })
  await passes(mock.timers, online)
  const said = (): unknown[] => town.rooms.get(room)!.log.slice(1).map(({ body }) => body.text)
  const { key } = client.rooms.get(room)!.send("refuse me", { nonce: "a" })
  await passes(mock.timers, () => client.rooms.get(room)!.timeline.items.some((item) => item.kind === "message" && item.state === "failed"))
  town.faults = { ...town.faults, busy: 100 }
  for (const [nonce, text] of [["z", "one"], ["y", "two"], ["x", "three"]] as const) client.rooms.get(room)!.send(text, { nonce })
  client.rooms.get(room)!.retry(key)
  await client.close()
  const kept = await storage.keys(`http://town|${ann.user.id}|out|`)
  assert.equal(kept.length, 4)
  town.faults = { ...town.faults, busy: 0 }
  const hear = town.hear.bind(town)
  town.hear = (socket, frame) => hear(socket, frame.type === "send" && frame.text === "refuse me" ? { ...frame, text: "four" } : frame)
  start({ storage })
  await passes(mock.timers, () => said().length === 4)
  assert.deepEqual(said(), ["one", "two", "three", "four"])
})

test("what the server owes is fetched when nothing comes any more", async () => {
  const room = town.room(ann.user)
  start()
  await passes(mock.timers, online)
  client.rooms.get(room)
  sockets[0]!.cut()
  town.say(room, ann.user, "missed")
  town.faults = { ...town.faults, lose: 100 }
  const heard: string[] = []
  client.on("message", ({ message }) => heard.push(message.text))
  await passes(mock.timers, () => heard.length === 1)
  assert.deepEqual(heard, ["missed"])
})

test("the newest message is known also where something else is the newest event", async () => {
  const room = town.room(ann.user)
  const { seq } = town.say(room, ann.user, "hello")
  town.commit(room, ann.user.id, "n", "reaction", seq, { emoji: "👍", op: "add" })
  start()
  await passes(mock.timers, () => client.rooms.get(room)?.last?.seq === seq)
  const { last } = client.rooms.get(room)!
  assert.equal(last?.kind === "message" && last.text, "hello")
  town.commit(room, ann.user.id, "e", "edit", seq, { text: "hello again" })
  await passes(mock.timers, () => (client.rooms.get(room)!.last as { text?: string }).text === "hello again")
})

test("a timeline that nobody looks at does not grow without end, and one that is shown loses nothing", async () => {
  const room = town.room(ann.user)
  start()
  await passes(mock.timers, online)
  const { timeline } = client.rooms.get(room)!
  await timeline.load()
  const says = async (): Promise<void> => {
    const { seq } = Array.from({ length: 1_000 }, (_, i) => town.say(room, ann.user, `n${i}`)).at(-1)!
    await passes(mock.timers, () => timeline.items.at(-1)?.seq === seq)
  }
  await says()
  const { length } = timeline.items
  assert.ok(length >= 300 && length <= 600, `${length}`)
  assert.ok(timeline.hasOlder)
  await timeline.loadOlder()
  assert.equal(timeline.items.length, length + 50)
  const leave = timeline.subscribe(() => undefined)
  await says()
  assert.equal(timeline.items.length, length + 1_050)
  leave()
  town.say(room, ann.user, "one more")
  await passes(mock.timers, () => timeline.items.length === 300)
})

test("a room that begins anew is forgotten first", async () => {
  const room = town.room(ann.user)
  for (let i = 0; i < 5; i++) town.say(room, ann.user, `old ${i}`)
  start()
  await passes(mock.timers, online)
  const there = client.rooms.get(room)!
  await there.timeline.load()
  assert.equal(there.timeline.items.length, 6)
  there.markRead()
  town.rooms.get(room)!.log.splice(2)
  town.cut()
  await passes(mock.timers, () => there.timeline.items.length === 2)
  assert.deepEqual([there.head, there.cursor], [2, 2])
  town.say(room, ann.user, "new")
  await passes(mock.timers, () => there.timeline.items.length === 3)
})

test("a room that I was put out of is gone, with what waited for it", async () => {
  const room = town.room(ann.user)
  start()
  await passes(mock.timers, online)
  const gone = new Promise((resolve) => client.on("room_gone", resolve))
  const there = client.rooms.get(room)!
  town.faults = { ...town.faults, busy: 100 }
  const edited = there.edit(2, "never").then(() => "done", (refusal: ParleyError) => refusal.code)
  town.rooms.get(room)!.members.clear()
  town.cut()
  await passes(mock.timers, () => !client.rooms.get(room))
  assert.equal(await edited, "not_found")
  assert.deepEqual(await gone, { id: room, name: there.name })
})
