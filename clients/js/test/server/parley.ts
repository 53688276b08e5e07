import assert from "node:assert/strict"
import { spawn, type ChildProcess } from "node:child_process"
import { once } from "node:events"
import { mkdtemp, rm } from "node:fs/promises"
import { createServer, type AddressInfo } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { WebSocket } from "ws"
import { Client, signUp, type ClientOptions, type Message, type Room, type SocketLike } from "../../src/index.ts"
import { until } from "../until.ts"

const binary = process.env.PARLEY_BIN ?? fileURLToPath(new URL("../../../../bin/parley", import.meta.url))

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, "127.0.0.1")
  await once(probe, "listening")
  const { port } = probe.address() as AddressInfo
  probe.close()
  await once(probe, "close")
  return port
}

/** A real server on a folder and a port of its own. */
export class Server {
  url = ""
  #data = ""
  #port = 0
  #flags: string[] = []
  #child: ChildProcess | undefined
  #gone: Promise<unknown> = Promise.resolve()
  #people = 0
  #clients: Client[] = []

  static async start(...flags: string[]): Promise<Server> {
    const server = new Server()
    server.#flags = flags
    server.#data = await mkdtemp(join(tmpdir(), "parley-js-"))
    server.#port = await freePort()
    server.url = `http://127.0.0.1:${server.#port}`
    await server.run()
    return server
  }

  /** Starts the process on the data and the port that it had before. */
  async run(): Promise<void> {
    let output = ""
    const child = (this.#child = spawn(binary, ["serve", "--data", this.#data, "--listen", `127.0.0.1:${this.#port}`, ...this.#flags],
      { stdio: ["ignore", "pipe", "pipe"] }))
    this.#gone = once(child, "exit")
    for (const stream of [child.stdout!, child.stderr!]) stream.on("data", (text) => (output += text))
    await until("the server is ready", async () => {
      assert.equal(child.exitCode, null, output)
      return (await fetch(`${this.url}/readyz`).catch(() => undefined))?.ok
    })
  }

  /** Ends the process the hard way: nothing is flushed, nobody is told. */
  async kill(): Promise<void> {
    this.#child!.kill("SIGKILL")
    await this.#gone
  }

  /** Ends the process as an operator does. */
  async drain(): Promise<void> {
    this.#child!.kill("SIGTERM")
    await this.#gone
  }

  /** Ends it and every client that was made of it. */
  async stop(): Promise<void> {
    for (const client of this.#clients) await client.close()
    if (this.#child!.exitCode === null && this.#child!.signalCode === null) await this.kill()
    await rm(this.#data, { recursive: true, force: true })
  }

  /** A new user with a client that is connected. */
  async person(name: string, options: Partial<ClientOptions> = {}): Promise<Client> {
    const session = await signUp(this.url, { username: `${name}${++this.#people}`, password: "a long password", display_name: name })
    const client = this.client({ session, ...options })
    client.connect()
    await online(client)
    return client
  }

  /** Two people in a room of their own, which both have open. */
  async pair(): Promise<{ ann: Client; bob: Client; hers: Room; his: Room }> {
    const [ann, bob] = await Promise.all([this.person("ann"), this.person("bob")])
    const hers = await ann.createRoom({ kind: "group", name: "two", members: [bob.me.id] })
    const his = await until("bob is in the room", () => bob.rooms.get(hers.id))
    await Promise.all([hers.timeline.load(), his.timeline.load()])
    return { ann, bob, hers, his }
  }

  client(options: Partial<ClientOptions>): Client {
    const client = new Client({ url: this.url, socket: (url) => new WebSocket(url) as unknown as SocketLike, ...options })
    this.#clients.push(client)
    return client
  }
}

/** The messages of a room's timeline. */
export function messages(room: Room): Message[] {
  return room.timeline.items.filter((item): item is Message => item.kind === "message")
}

export function online(client: Client): Promise<unknown> {
  return until("the client is online", () => client.connection.state.phase === "online")
}
