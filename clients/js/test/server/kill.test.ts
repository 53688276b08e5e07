import assert from "node:assert/strict"
import { after, before, test } from "node:test"
import { MemoryStorage, type Client, type Room } from "../../src/index.ts"
import { until } from "../until.ts"
import { messages, online, Server } from "./parley.ts"

let server: Server

before(async () => {
  server = await Server.start("--no-limits")
})
after(() => server.stop())

/** What the server has, in the end. */
async function truth(client: Client, room: string): Promise<string[]> {
  const texts: string[] = []
  for (let last = 0; ;) {
    const { events, head } = await client.api.events({ room, after: last, limit: 200 })
    texts.push(...events.filter(({ kind }) => kind === "message").map(({ body }) => body.text!))
    last = events.at(-1)?.seq ?? head
    if (last >= head) return texts
  }
}

test("two people talk while the server is killed under them: nothing is lost, doubled or out of order", async () => {
  const { ann, bob, hers, his } = await server.pair()
  const heard: Record<string, string[]> = { ann: [], bob: [] }
  ann.on("message", ({ message }) => heard.ann!.push(message.text))
  bob.on("message", ({ message }) => heard.bob!.push(message.text))
  // What is seen at any moment: nobody may ever see a message twice.
  const doubled: string[] = []
  for (const room of [hers, his]) {
    room.timeline.subscribe(() => {
      const texts = messages(room).map(({ text }) => text)
      if (new Set(texts).size !== texts.length) doubled.push(texts.filter((text, at) => texts.indexOf(text) !== at).join())
    })
  }
  const said: Record<string, string[]> = { ann: [], bob: [] }
  let talking = true
  const talk = async (name: string, room: Room): Promise<void> => {
    for (let i = 0; talking; i++) {
      const text = `${name} ${i}`
      said[name]!.push(text)
      room.send(text)
      await new Promise((resolve) => setTimeout(resolve, 3 + Math.random() * 10))
    }
  }
  const talks = [talk("ann", hers), talk("bob", his)]
  for (let round = 0; round < 4; round++) {
    await until("some have been heard", () => heard.ann!.length > (round + 1) * 40)
    await server.kill()
    await until("both have noticed", () => [ann, bob].every(({ connection }) => connection.state.phase !== "online"))
    await server.run()
    await Promise.all([online(ann), online(bob)])
  }
  talking = false
  await Promise.all(talks)
  const all = said.ann!.length + said.bob!.length
  await until("everything is acknowledged", () => [hers, his].every((room) => messages(room).every(({ state }) => state === "sent")))
  await until("everything is heard", () => heard.ann!.length >= all && heard.bob!.length >= all)

  const order = await truth(ann, hers.id)
  assert.equal(order.length, all)
  for (const name of ["ann", "bob"]) {
    assert.deepEqual(order.filter((text) => text.startsWith(name)), said[name], `${name}'s messages are in the order in which they were said`)
    assert.deepEqual(heard[name], order, `${name} heard everything once and in order`)
  }
  for (const room of [hers, his]) {
    const shown = messages(room).map(({ text }) => text)
    assert.deepEqual(shown, order.slice(-shown.length))
    assert.ok(shown.length >= all, "the timeline has kept everything")
    assert.equal(new Set(room.timeline.items.map(({ key }) => key)).size, room.timeline.items.length, "keys are unique")
  }
  assert.deepEqual(doubled, [])
})

test("what was written without a server is kept over a restart of the program, and sent once", async () => {
  const { ann, bob, hers, his } = await server.pair()
  const storage = new MemoryStorage()
  const sessions = { value: undefined as never, load: async () => sessions.value, save: async (s: never) => void (sessions.value = s), clear: async () => undefined }
  const { signIn } = await import("../../src/index.ts")
  const session = await signIn(server.url, { username: ann.me.username, password: "a long password" })
  await ann.close()
  const first = server.client({ session, storage, sessions })
  first.connect()
  await online(first)
  const room = first.rooms.get(hers.id)!
  await room.timeline.load()
  room.send("before")
  await until("it is sent", () => messages(room).find(({ text, state }) => text === "before" && state === "sent"))
  room.setDraft("unfinished")
  await server.kill()
  await until("it is noticed", () => first.connection.state.phase !== "online")
  for (let i = 0; i < 20; i++) room.send(`later ${i}`)
  await first.close()

  // Another run of the program, still without a server: all is there to be read.
  const second = server.client({ session: (await sessions.load())!, storage, sessions })
  second.connect()
  const again = await until("the room is read from storage", () => second.rooms.get(hers.id))
  assert.equal(again.draft, "unfinished")
  assert.equal(second.rooms.loaded, true)
  await again.timeline.load()
  assert.equal(messages(again)[0]!.text, "before")
  assert.equal(messages(again).filter(({ state }) => state === "sending").length, 20)

  await server.run()
  await online(second)
  await until("all is sent", () => messages(again).every(({ state }) => state === "sent"))
  const expected = ["before", ...Array.from({ length: 20 }, (_, i) => `later ${i}`)]
  assert.deepEqual(messages(again).map(({ text }) => text), expected)
  assert.deepEqual(await truth(second, hers.id), expected)
  await until("bob has heard it", () => messages(his).length === 21)
  assert.deepEqual(messages(his).map(({ text }) => text), expected)
  assert.equal(bob.connection.state.phase, "online")
})

test("more than is replayed is fetched, and more than is fetched is loaded anew", async () => {
  const { ann, hers } = await server.pair()
  const { signIn } = await import("../../src/index.ts")
  for (const [gapLimit, filled] of [[2_000, true], [50, false]] as const) {
    const storage = new MemoryStorage()
    const session = await signIn(server.url, { username: ann.me.username, password: "a long password" })
    const early = server.client({ session, storage })
    early.connect()
    await online(early)
    await early.rooms.get(hers.id)!.timeline.load()
    await early.close()
    for (let i = 0; i < 120; i++) hers.send(`${gapLimit}-${i}`)
    await until("they are said", () => messages(hers).every(({ state }) => state === "sent"))

    const late = server.client({ session, storage, replayLimit: 10, gapLimit })
    const texts: string[] = []
    const gaps: number[] = []
    late.on("message", ({ message, live }) => {
      assert.equal(live, false)
      texts.push(message.text)
    })
    late.on("gap", ({ after, from }) => gaps.push(from - after - 1))
    late.connect()
    const room = await until("the room is there", () => late.rooms.get(hers.id))
    await room.timeline.load()
    await until("the newest is heard", () => texts.at(-1) === `${gapLimit}-119`)
    assert.equal(texts.length, filled ? 120 : 10)
    assert.deepEqual(gaps, filled ? [] : [110])
    await until("the timeline goes up to the newest", () => messages(room).at(-1)?.text === `${gapLimit}-119` && messages(room).at(-2)?.text === `${gapLimit}-118`)
    const seqs = room.timeline.items.map(({ seq }) => seq!)
    assert.deepEqual(seqs, Array.from(seqs, (_, i) => seqs[0]! + i), "without a hole")
    await late.close()
  }
})

test("a server that drains is come back to", async () => {
  const { ann } = await server.pair()
  const phases: string[] = []
  ann.connection.subscribe(() => phases.push(ann.connection.state.phase))
  await server.drain()
  await until("it is noticed", () => phases.includes("waiting"))
  await server.run()
  await online(ann)
})

test("a session that is ended elsewhere ends here", async () => {
  const { ann } = await server.pair()
  const ended = new Promise<{ reason: { code: unknown } }>((resolve) => ann.on("ended", resolve))
  const { sessions } = await ann.api.listSessions()
  await ann.api.endSession({ id: sessions.find(({ current }) => current)!.id })
  assert.equal((await ended).reason.code, 4409)
  assert.equal(ann.connection.state.phase, "ended")
})

test("signing out forgets everything", async () => {
  const storage = new MemoryStorage()
  const ann = await server.person("ann", { storage })
  await ann.createRoom({ kind: "group", name: "to be forgotten" })
  ann.rooms.all[0]!.setDraft("secret")
  await until("something is stored", async () => (await storage.keys("")).length > 2)
  await ann.signOut()
  assert.deepEqual(await storage.keys(""), [])
  ann.rooms.all[0]!.setDraft("too late")
  await ann.close()
  assert.deepEqual(await storage.keys(""), [])
  assert.equal(ann.connection.state.phase, "ended")
  await assert.rejects(ann.api.me(), { code: "unauthenticated" })
})
