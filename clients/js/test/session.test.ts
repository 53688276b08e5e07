import assert from "node:assert/strict"
import { test } from "node:test"
import { Client, MemorySessions, MemoryStorage, ParleyError, signIn, signUp, type StoredSession } from "../src/index.ts"
import { alone } from "../src/platform.ts"
import { Browser } from "./fake/browser.ts"
import { problem, Town } from "./fake/town.ts"

/** A town whose refresh tokens work once, and whose access tokens have run out. */
function strict(): { town: Town; ann: StoredSession; refreshes: string[] } {
  const town = new Town()
  const ann = town.user("ann")
  ann.session.access_expires_at = new Date(Date.now() - 1_000).toISOString()
  const refreshes: string[] = []
  town.instead = async (_, path, init) => {
    if (path === "users/me") {
      const fresh = (init.headers as Record<string, string>).Authorization === `Bearer ${ann.user.id}/${refreshes.length + 1}`
      return fresh ? Response.json(ann.user) : problem(401, "unauthenticated")
    }
    if (path !== "sessions/refresh") return undefined
    const { refresh_token } = JSON.parse(String(init.body)) as { refresh_token: string }
    await new Promise((resolve) => setTimeout(resolve, 20))
    if (refresh_token !== `r${refreshes.length + 1}`) return problem(401, "unauthenticated")
    refreshes.push(refresh_token)
    const n = refreshes.length + 1
    return Response.json({ user: ann.user, session: {
      ...ann.session, access_token: `${ann.user.id}/${n}`, refresh_token: `r${n}`, access_expires_at: new Date(Date.now() + 900_000).toISOString() } })
  }
  return { town, ann, refreshes }
}

test("tabs renew a token once, whoever begins", async () => {
  const { town, ann, refreshes } = strict()
  const [browser, sessions] = [new Browser(), new MemorySessions()]
  const clients = [1, 2, 3].map(() => new Client({
    url: "http://town", session: ann, sessions, fetch: town.fetch, socket: town.socket, platform: browser.tab().platform }))
  const answers = await Promise.all(clients.flatMap((client) => [client.api.me(), client.api.me()]))
  assert.deepEqual(new Set(answers.map(({ id }) => id)), new Set([ann.user.id]))
  assert.deepEqual(refreshes, ["r1"])
  assert.equal((await sessions.load())!.session.refresh_token, "r2")
})

test("a clock that is wrong is no reason to renew again and again", async () => {
  for (const ahead of [-3, 3]) {
    const town = new Town()
    const ann = town.user("ann")
    const at = Math.floor(Date.now() / 1000) + ahead * 3600
    ann.session.access_expires_at = new Date((at + 900) * 1000).toISOString()
    let refreshes = 0
    town.instead = async (_, path) => {
      if (path === "users/me") return Response.json(ann.user)
      if (path !== "sessions/refresh") return undefined
      const token = `e30.${btoa(JSON.stringify({ iat: at, exp: at + 900, n: ++refreshes }))}.x`
      return Response.json({ user: ann.user, session: { ...ann.session, access_token: token, refresh_token: `r${refreshes}` } })
    }
    const client = new Client({ url: "http://town", session: ann, sessions: new MemorySessions(), fetch: town.fetch, socket: town.socket, storage: new MemoryStorage() })
    for (let i = 0; i < 5; i++) assert.equal((await client.api.me()).id, ann.user.id)
    assert.ok(refreshes <= 1, `${ahead} h ahead: ${refreshes} renewals`)
  }
})

test("a renewal whose answer is lost is asked for again with its key, also after a reload", async () => {
  const { town, ann } = strict()
  const sessions = new MemorySessions()
  const keys: string[] = []
  const server = town.instead
  let answer: StoredSession | undefined
  town.instead = async (...call) => {
    if (call[1] !== "sessions/refresh") return server!(...call)
    keys.push((call[2].headers as Record<string, string>)["Idempotency-Key"]!)
    if (keys[0] !== keys.at(-1)) return problem(401, "unauthenticated")
    answer ??= await (await server!(...call))!.json() as StoredSession
    if (keys.length < 3) throw new TypeError("the connection was reset")
    return Response.json(answer)
  }
  const client = () => new Client({ url: "http://town", session: ann, sessions, fetch: town.fetch, socket: town.socket, storage: new MemoryStorage() })
  const first = client()
  for (let i = 0; i < 2; i++) await assert.rejects(first.api.me(), (error: ParleyError) => error.code === "network")
  assert.equal((await client().api.me()).id, ann.user.id)
  assert.equal(keys.length, 3)
  const stored = await sessions.load()
  assert.deepEqual([stored!.session.refresh_token, stored!.renewal], ["r2", undefined])
})

/** Does something in a page that has localStorage and no locks. */
async function withoutLocks(values: Map<string, string>, work: () => Promise<void>): Promise<void> {
  const given = { document: {}, window: new EventTarget(), navigator: { onLine: true }, localStorage: {
    getItem: (key: string) => values.get(key) ?? null, setItem: (key: string, value: string) => values.set(key, value), removeItem: (key: string) => values.delete(key) } }
  for (const [name, value] of Object.entries(given)) Object.defineProperty(globalThis, name, { value, configurable: true })
  try {
    await work()
  } finally {
    for (const name of Object.keys(given)) Reflect.deleteProperty(globalThis, name)
  }
}

test("tabs without locks renew a token once, too", async () => {
  const { town, ann, refreshes } = strict()
  const values = new Map<string, string>()
  const sessions = new MemorySessions()
  await withoutLocks(values, async () => {
    const clients = [1, 2, 3].map(() => new Client({ url: "http://town", session: ann, sessions, fetch: town.fetch, socket: town.socket, storage: new MemoryStorage() }))
    await Promise.all(clients.map((client) => client.api.me()))
    assert.deepEqual(refreshes, ["r1"])
    assert.equal(values.size, 0)
  })
})

test("a tab that died while the clock was ahead does not hold up the others", async () => {
  const values = new Map([["work", `${Date.now() + 86_400_000} somebody`]])
  let looks = 0
  values.get = (key) => {
    if (++looks > 10) throw new Error("it waits for a tab that is gone")
    return Map.prototype.get.call(values, key) as string | undefined
  }
  await withoutLocks(values, async () => assert.equal(await alone(undefined, "work", async () => "done"), "done"))
  assert.equal(values.size, 0)
})

test("a page that begins with an old copy takes what is stored", async () => {
  const { town, ann, refreshes } = strict()
  const sessions = new MemorySessions()
  const options = { url: "http://town", session: ann, sessions, fetch: town.fetch, socket: town.socket }
  await new Client(options).api.me()
  await new Client(options).api.me()
  assert.deepEqual(refreshes, ["r1"])
})

test("a token that the server does not take is renewed, and the call made again", async () => {
  const { town, ann, refreshes } = strict()
  ann.session.access_expires_at = "2099-01-01T00:00:00.000Z"
  ann.session.access_token = "stale"
  const client = new Client({ url: "http://town", session: ann, fetch: town.fetch, socket: town.socket })
  assert.equal((await client.api.me()).username, "ann")
  assert.deepEqual(refreshes, ["r1"])
})

test("a session that another tab has cleared is not brought back", async () => {
  const { town, ann, refreshes } = strict()
  const sessions = new MemorySessions()
  const client = new Client({ url: "http://town", session: ann, sessions, fetch: town.fetch, socket: town.socket })
  await client.api.me()
  await sessions.clear()
  town.instead = (_, path) => path === "users/me" ? problem(401, "unauthenticated") : undefined
  await assert.rejects(client.api.me(), { code: "unauthenticated" })
  assert.deepEqual(refreshes, ["r1"])
  assert.equal(await sessions.load(), undefined)
})

test("the end of a session leaves another one where it is kept", async () => {
  const town = new Town()
  const [ann, bob] = [town.user("ann"), town.user("bob")]
  const sessions = new MemorySessions()
  const client = (session: StoredSession): Client =>
    new Client({ url: "http://town", session, sessions, fetch: town.fetch, socket: town.socket, storage: new MemoryStorage() })
  town.instead = (_, path) => path === "users/me" ? Response.json({}) : path === "sessions/current" ? new Response(null, { status: 204 }) : undefined
  for (const end of ["revoked", "signed out", "cleared"]) {
    for (const next of [bob, { ...ann, session: { ...ann.session, id: town.id() } }]) {
      await sessions.save(ann)
      const leaving = client(ann)
      await leaving.api.me()
      await sessions.save(next) // another tab has signed in since
      if (end === "revoked") {
        const ended = new Promise((resolve) => leaving.on("ended", resolve))
        town.hear = (socket) => socket.cut(4409)
        leaving.connect()
        await ended
      } else if (end === "signed out") {
        await leaving.signOut()
      } else {
        await leaving.clearSession()
      }
      assert.deepEqual(await sessions.load(), next, end)
    }
    await sessions.save(ann)
    await client(ann).clearSession()
    assert.equal(await sessions.load(), undefined)
  }
})

test("refusals have a code, a status, and a time to come back", async () => {
  const town = new Town()
  town.instead = () => problem(429, "rate_limited", { "Retry-After": "2" })
  const refusal = await signIn("http://town/", { username: "ann", password: "wrong" }, town.fetch).then(() => undefined, (thrown: ParleyError) => thrown)
  assert.ok(refusal instanceof ParleyError)
  assert.deepEqual([refusal.code, refusal.status, refusal.retryAfterMs, refusal.retryable], ["rate_limited", 429, 2_000, true])
  town.instead = () => new Response("<html>", { status: 502 })
  await assert.rejects(signUp("http://town", { username: "ann", password: "a long password" }, town.fetch), { code: "network" })
  town.instead = () => Promise.reject(new TypeError("fetch failed"))
  await assert.rejects(signUp("http://town", { username: "ann", password: "a long password" }, town.fetch), { code: "network", status: 0 })
})

test("calls go where the description says", async () => {
  const town = new Town()
  const seen: [string, string, unknown][] = []
  town.instead = (method, path, init) => {
    seen.push([method, path, init.body && JSON.parse(String(init.body))])
    return path.endsWith("reactions/%F0%9F%91%8D") ? new Response(null, { status: 204 }) : Response.json({})
  }
  const client = new Client({ url: "http://town", session: town.user("ann"), fetch: town.fetch, socket: town.socket })
  await client.api.editRoom({ room: "r", name: "new" })
  assert.equal(await client.api.react({ room: "r", seq: 7, emoji: "👍" }), undefined)
  await client.api.history({ room: "r", before: 9, limit: 5 })
  await client.api.createRoom({ kind: "group" }, { key: "mine" })
  assert.deepEqual(seen, [
    ["PATCH", "rooms/r", { name: "new" }], ["PUT", "rooms/r/messages/7/reactions/%F0%9F%91%8D", undefined],
    ["GET", "rooms/r/messages", undefined], ["POST", "rooms", { kind: "group" }],
  ])
  assert.ok(town.calls.includes("GET rooms/r/messages?before=9&limit=5"))
})
