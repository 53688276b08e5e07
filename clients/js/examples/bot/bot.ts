// A bot that rolls dice for whoever says "!roll 2d6" in one of its rooms. It also answers what was said while it was away, and each
// once, even when it is killed in between: where it stands is kept in a folder, and what it has answered is known by the answer's nonce.
//
//     PARLEY_URL=http://127.0.0.1:8080 PARLEY_USERNAME=dice PARLEY_PASSWORD=… npx tsx bot.ts
import { Client, ParleyError, signIn, signUp, type SocketLike, type StoredSession } from "@parley/client"
import { WebSocket } from "ws" // Node 22 and newer have one of their own
import { FileSessions, FileStorage } from "./files.ts"

const { PARLEY_URL: url = "http://127.0.0.1:8080", PARLEY_USERNAME: username = "dice", PARLEY_PASSWORD: password = "", PARLEY_FOLDER: folder = "dice-data" } = process.env

/** Signs in; the first time it signs up. */
async function enter(): Promise<StoredSession> {
  try {
    return await signIn(url, { username, password, device: "dice bot" })
  } catch (refusal) {
    if (!(refusal instanceof ParleyError) || refusal.code !== "unauthenticated") throw refusal
    return signUp(url, { username, password, display_name: "Dice" })
  }
}

function roll(text: string): string | undefined {
  const [, count, sides] = /^!roll (\d{1,2})d(\d{1,3})$/.exec(text) ?? []
  if (!Number(count) || !Number(sides)) return undefined
  const dice = Array.from({ length: Number(count) }, () => 1 + Math.floor(Math.random() * Number(sides)))
  return `${dice.join(" + ")} = ${dice.reduce((sum, one) => sum + one)}`
}

const sessions = new FileSessions(folder)
const client = new Client({
  url,
  session: (await sessions.load()) ?? (await enter()),
  sessions,
  storage: new FileStorage(folder),
  socket: (address) => new WebSocket(address) as unknown as SocketLike,
  gapLimit: Infinity, // whoever asked while the bot was away gets an answer, however many they are
})

client.on("message", ({ room, message }) => {
  const answer = message.by !== client.me.id && roll(message.text)
  if (answer) room.send(answer, { reply_to: message.seq!, nonce: `dice ${message.id}` })
})
client.on("ended", ({ reason }) => {
  console.error(`the session has ended: ${reason.text}`)
  process.exitCode = 1
})
client.connection.subscribe(() => console.log(client.connection.state.phase))
client.connect()

for (const signal of ["SIGINT", "SIGTERM"]) process.once(signal, () => void client.close())
