// A real server for a test: bin/parley (or PARLEY_BIN) on a fresh data folder and a free port of this machine.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmod, mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { until } from './until.mjs'

const root = fileURLToPath(new URL('../..', import.meta.url))
const binary = process.env.PARLEY_BIN ?? join(root, 'bin/parley')
const chaos = join(root, 'bin/chaos')

async function freePort() {
  const probe = createServer().listen(0, '127.0.0.1')
  await once(probe, 'listening')
  const { port } = probe.address()
  probe.close()
  await once(probe, 'close')
  return port
}

// town is true where the tests run against a cluster behind nginx.
export const town = process.env.TOPOLOGY === 'town'

// serve starts what the tests run against: one process, or with TOPOLOGY=town a cluster.
export const serve = () => town ? Town.start() : Server.start()

export class Server {
  // start makes a data folder, starts the server on it with these flags and returns when it is ready.
  static async start(...flags) {
    const server = new Server()
    server.flags = flags
    server.data = await mkdtemp(join(tmpdir(), 'parley-e2e-'))
    server.port = await freePort()
    server.url = `http://127.0.0.1:${server.port}`
    await server.run()
    return server
  }

  // run starts the process on the data and the port that it had before.
  async run() {
    this.output = ''
    const child = this.child = spawn(binary, ['serve', '--data', this.data, '--listen', `127.0.0.1:${this.port}`, ...this.flags], { stdio: ['ignore', 'pipe', 'pipe'] })
    this.gone = once(child, 'exit')
    for (const stream of [child.stdout, child.stderr]) stream.on('data', text => { this.output += text })
    await until(`${this.url}/readyz answers 200`, async () => {
      if (child.exitCode !== null) throw new Error(`the server ended with ${child.exitCode}:\n${this.output}`)
      return (await fetch(`${this.url}/readyz`).catch(() => null))?.ok
    })
  }

  // kill ends the process the hard way: nothing is flushed, nobody is told.
  async kill() {
    this.child.kill('SIGKILL')
    await this.gone
  }

  // stop ends the process, whatever state it is in, and removes its data.
  async stop() {
    if (this.child?.exitCode === null && this.child.signalCode === null) await this.kill()
    await rm(this.data, { recursive: true, force: true })
  }
}

// A town, as `make town` starts it: whatever is killed of it is started again.
class Town {
  static async start() {
    const town = new Town()
    town.folder = await mkdtemp(join(tmpdir(), 'parley-e2e-town-'))
    await chmod(town.folder, 0o755) // the database runs as somebody else
    town.output = ''
    const child = town.child = spawn(chaos, ['town', '-binary', binary, '-dir', join(town.folder, 'town'), '-port', '0'], { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] })
    for (const stream of [child.stdout, child.stderr]) stream.on('data', text => { town.output += text })
    town.gone = once(child, 'exit')
    for (const end = Date.now() + 120_000; !town.output.includes('logs are in'); await pause(100)) {
      if (child.exitCode !== null || Date.now() > end) throw new Error(`the town did not start:\n${town.output}`)
    }
    town.url = /open (\S+?)\/?\n/.exec(town.output)[1]
    return town
  }

  // kill ends every process of every role the hard way.
  async kill() {
    const lines = [...this.output.matchAll(/^ *([a-z]+-\d)(?: +pid | ended and was started again, pid )(\d+)/gm)]
    const newest = new Map(lines.filter(([, name]) => !name.startsWith('nats')).map(([, name, pid]) => [name, Number(pid)]))
    if (newest.size < 14) throw new Error(`a town has two of seven roles, not ${[...newest.keys()]}`)
    for (const pid of newest.values()) process.kill(pid, 'SIGKILL')
  }

  // run waits until the town answers again.
  run() {
    return until(`${this.url}/readyz answers 200`, async () => (await fetch(`${this.url}/readyz`).catch(() => null))?.ok)
  }

  async stop() {
    if (this.child?.exitCode === null) this.child.kill('SIGTERM')
    await this.gone
    await rm(this.folder, { recursive: true, force: true })
  }
}
