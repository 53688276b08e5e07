// A real server for a test: bin/parley (or PARLEY_BIN) on a fresh data folder and a free port of this machine.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { until } from './until.mjs'

const binary = process.env.PARLEY_BIN ?? fileURLToPath(new URL('../../bin/parley', import.meta.url))

async function freePort() {
  const probe = createServer().listen(0, '127.0.0.1')
  await once(probe, 'listening')
  const { port } = probe.address()
  probe.close()
  await once(probe, 'close')
  return port
}

export class Server {
  // start makes a data folder, starts the server on it and returns when it is ready.
  static async start() {
    const server = new Server()
    server.data = await mkdtemp(join(tmpdir(), 'parley-e2e-'))
    server.port = await freePort()
    server.url = `http://127.0.0.1:${server.port}`
    await server.run()
    return server
  }

  // run starts the process on the data and the port that it had before.
  async run() {
    this.output = ''
    const child = this.child = spawn(binary, ['serve', '--data', this.data, '--listen', `127.0.0.1:${this.port}`], { stdio: ['ignore', 'pipe', 'pipe'] })
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
