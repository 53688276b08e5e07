import assert from "node:assert/strict"
import { spawn, type ChildProcess } from "node:child_process"
import { once } from "node:events"
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { after, before, test } from "node:test"
import { fileURLToPath } from "node:url"
import type { Client, Message } from "../../src/index.ts"
import { until } from "../until.ts"
import { Server } from "./parley.ts"

const examples = fileURLToPath(new URL("../../examples/", import.meta.url))

let server: Server
let ann: Client
let folder: string
let bot: ChildProcess | undefined

before(async () => {
  server = await Server.start()
  ann = await server.person("ann")
  folder = await mkdtemp(join(tmpdir(), "parley-bot-"))
})
after(async () => {
  bot?.kill("SIGKILL")
  await ann.close()
  await server.stop()
  await rm(folder, { recursive: true, force: true })
})

function start(): void {
  bot = spawn(process.execPath, ["--import", "tsx", "bot/bot.ts"], { cwd: examples, stdio: ["ignore", "inherit", "inherit"], env: {
    ...process.env, TSX_TSCONFIG_PATH: join(examples, "tsconfig.json"),
    PARLEY_URL: server.url, PARLEY_USERNAME: "dice", PARLEY_PASSWORD: "a long password", PARLEY_FOLDER: folder } })
}

test("the bot answers everything once, also what was said while it was killed", async () => {
  start()
  const [dice] = await until("the bot has signed up", async () => {
    const found = await ann.users.find("dice")
    return found.length ? found : undefined
  })
  const room = await ann.createRoom({ kind: "group", name: "game", members: [dice!.id] })
  await room.timeline.load()
  await until("the bot is there", async () => (await room.online()).some(({ id }) => id === dice!.id))
  const answers = (): Message[] => room.timeline.items.filter((item): item is Message => item.kind === "message" && item.by === dice!.id)
  room.send("!roll 2d6")
  await until("it answers", () => answers().length === 1)
  assert.match(answers()[0]!.text, /^\d \+ \d = \d+$/)
  room.send("!roll 1d20")
  bot!.kill("SIGKILL")
  await once(bot!, "exit")
  room.send("!roll 3d4")
  room.send("nothing to roll")
  await until("they are sent", () => room.timeline.items.every((item) => item.kind === "notice" || item.state === "sent"))
  start()
  await until("it answers what it has missed", () => answers().length === 3)
  room.send("!roll 1d6")
  await until("it answers again", () => answers().length === 4)
  const asked = room.timeline.items.filter((item): item is Message => item.kind === "message" && item.text.startsWith("!roll"))
  assert.deepEqual(answers().map(({ reply_to }) => reply_to), asked.map(({ seq }) => seq))
  bot!.kill("SIGTERM")
  const [code] = (await once(bot!, "exit")) as [number]
  assert.equal(code, 0)
})
