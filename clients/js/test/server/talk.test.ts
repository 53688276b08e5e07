import assert from "node:assert/strict"
import { after, before, test } from "node:test"
import { signIn, type Item, type Message, type Room } from "../../src/index.ts"
import { until } from "../until.ts"
import { messages, Server } from "./parley.ts"

let server: Server

before(async () => {
  server = await Server.start()
})
after(() => server.stop())

const texts = (room: Room): string[] => messages(room).map(({ text }) => text)
const heard = (room: Room, text: string): Promise<Message> =>
  until(`"${text}" is there`, () => messages(room).find((message) => message.text === text && message.state === "sent"))

test("a message is there at once, and then with its number, under the same key", async () => {
  const { hers, his } = await server.pair()
  const said = hers.send("hello")
  assert.equal(said.state, "sending")
  assert.deepEqual(messages(hers).map(({ key, state }) => ({ key, state })), [{ key: said.key, state: "sending" }])
  const sent = await heard(hers, "hello")
  assert.equal(sent.key, said.key)
  assert.ok(sent.seq! > 0)
  assert.equal((await heard(his, "hello")).seq, sent.seq)
})

test("edits, reactions, replies, threads and deletions reach the other one", async () => {
  const { ann, hers, his } = await server.pair()
  hers.send("first")
  const first = (await heard(hers, "first")).seq!
  await hers.edit(first, "better")
  assert.equal(hers.timeline.get(first)!.text, "better")
  await heard(his, "better")
  await his.react(first, "👍", true)
  await until("the reaction is there", () => hers.timeline.get(first)!.reactions[0]?.count === 1)
  assert.equal(hers.timeline.get(first)!.reactions[0]!.me, false)
  assert.equal(his.timeline.get(first)!.reactions[0]!.me, true)
  his.send("a reply", { reply_to: first, thread: first })
  assert.equal((await heard(hers, "a reply")).reply_to, first)
  assert.equal(hers.timeline.get(first)!.replyCount, 1)
  const thread = hers.thread(first)
  await thread.load()
  assert.deepEqual(thread.items.map((item) => (item as Message).text), ["better", "a reply"])
  await hers.delete(first)
  await until("it is deleted there too", () => his.timeline.get(first)!.deleted)
  assert.equal(his.timeline.get(first)!.text, "")
  await assert.rejects(hers.edit(first, "too late"), { code: "not_found" })
  assert.equal(ann.connection.state.phase, "online")
})

test("unread, mentions and read marks", async () => {
  const { ann, bob, hers, his } = await server.pair()
  hers.send("one")
  hers.send(`two, @${bob.me.username}`)
  await heard(his, `two, @${bob.me.username}`)
  assert.deepEqual([his.unread, his.mentions], [2, 1])
  assert.deepEqual([hers.unread, hers.mentions], [0, 0])
  his.markRead()
  assert.deepEqual([his.unread, his.mentions], [0, 0])
  await until("ann sees that bob has read it", () => hers.receipts.find(({ user, read }) => user === bob.me.id && read === hers.head))
  his.setTyping(true)
  await until("ann sees bob typing", () => hers.typing.includes(bob.me.id))
  his.send("typed")
  await until("he has stopped", () => hers.typing.length === 0)
  bob.watchPresence([ann.me.id])
  await until("bob sees ann", () => bob.presence.get(ann.me.id).status === "online")
  await ann.setStatus("busy", "in a call")
  await until("bob sees that she is busy", () => bob.presence.get(ann.me.id).status_text === "in a call")
})

test("what is read in part on one device stays unread in part on another, which has not opened the room", async () => {
  const { bob, hers, his } = await server.pair()
  const laptop = server.client({ session: await signIn(server.url, { username: bob.me.username, password: "a long password" }) })
  laptop.connect()
  const room = await until("the laptop has the room", () => laptop.rooms.get(hers.id))
  for (let i = 1; i <= 6; i++) hers.send(`n${i}`)
  const second = await heard(his, "n2")
  await until("all of it is unread", () => his.unread === 6 && room.unread === 6)
  his.markRead(second.seq)
  await until("the laptop has heard of it", () => room.read === second.seq)
  assert.deepEqual([his.unread, room.unread], [4, 4])
  his.markRead()
  await until("the rest is read", () => room.unread === 0)
})

test("search tells where the words are, in characters", async () => {
  const { ann, hers } = await server.pair()
  hers.send("grüße from the zebra 🦓 crossing")
  await heard(hers, "grüße from the zebra 🦓 crossing")
  const { results } = await until("it is found", async () => {
    const found = await ann.search("crossing", { room: hers.id })
    return found.results.length ? found : undefined
  })
  const { message, highlights, room } = results[0]!
  assert.equal(message.text.slice(...highlights[0]!), "crossing")
  assert.equal(room, hers)
})

test("a window slides both ways over a long history", async () => {
  const { ann, bob, hers } = await server.pair()
  for (let i = 1; i <= 130; i++) {
    await (i % 2 ? ann : bob).api.sendMessage({ room: hers.id, text: `n${i}` })
  }
  await heard(hers, "n130")
  const { timeline } = await until("bob has it", () => bob.rooms.get(hers.id))
  const fresh = server.client({ session: await signIn(server.url, { username: ann.me.username, password: "a long password" }) })
  fresh.connect()
  const room = await until("the room is there", () => fresh.rooms.get(hers.id))
  await room.timeline.load()
  assert.equal(texts(room).length, 50)
  assert.equal(room.timeline.hasOlder, true)
  while (room.timeline.hasOlder) await room.timeline.loadOlder()
  assert.deepEqual(texts(room), Array.from({ length: 130 }, (_, i) => `n${i + 1}`))
  assert.deepEqual(room.timeline.items.map(({ seq }) => seq), Array.from({ length: room.head }, (_, i) => i + 1), "with its notices")
  room.timeline.trim(60)
  assert.equal(room.timeline.items.length, 60)

  const seq = await room.timeline.jumpTo(20)
  assert.equal(seq, 20)
  assert.ok(room.timeline.hasOlder === false || room.timeline.hasNewer)
  while (room.timeline.hasNewer) await room.timeline.loadNewer()
  assert.equal(texts(room).at(-1), "n130")
  hers.send("live again")
  await heard(room, "live again")
  const middle = await timeline.fetch(70)
  assert.equal(await room.timeline.jumpTo(new Date(middle!.at)).then((at) => room.timeline.get(at)!.at), middle!.at)
  fresh.rooms.get(hers.id)!.markRead(100)
  assert.equal(await room.timeline.jumpTo("unread"), 101)
})

test("a direct room has the name of the other one, and leaving a room is told", async () => {
  const { ann, bob, hers } = await server.pair()
  const direct = await ann.createRoom({ kind: "direct", members: [bob.me.id] })
  assert.equal(direct.name, bob.me.display_name)
  ann.watchPresence([bob.me.id])
  await until("bob is seen", () => ann.presence.get(bob.me.id).status === "online")
  await bob.api.editMe({ display_name: "Robert" })
  await until("the new name is there", () => direct.name === "Robert")
  const gone = new Promise<{ id: string; name: string }>((resolve) => ann.on("room_gone", resolve))
  await hers.leave()
  assert.deepEqual(await gone, { id: hers.id, name: "two" })
  assert.equal(ann.rooms.get(hers.id), undefined)
})

test("notices tell who came", async () => {
  const { bob, hers, his } = await server.pair()
  await hers.update({ topic: "anything" })
  await until("the topic is there", () => his.topic === "anything")
  const kinds = his.timeline.items.map((item: Item) => item.kind === "notice" ? item.event.body.op : item.text)
  assert.deepEqual(kinds, ["create", "topic"])
  assert.equal(bob.rooms.all[0], his)
})
