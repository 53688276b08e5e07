import { mkdir, readdir, readFile, rename, rm, writeFile } from "node:fs/promises"
import { join } from "node:path"
import type { SessionStore, Storage, StoredSession } from "@parley/client"

/** Keeps each value in a file of its own. A file is whole or it is not there. */
export class FileStorage implements Storage {
  #folder: string
  #writes = new Map<string, Promise<void>>() // one after the other, by key
  #count = 0

  constructor(folder: string) {
    this.#folder = folder
  }

  async get(key: string): Promise<unknown> {
    await this.#writes.get(key)
    const text = await readFile(this.#path(key), "utf8").catch(absent)
    return text === undefined ? undefined : (JSON.parse(text) as unknown)
  }

  set(key: string, value: unknown): Promise<void> {
    const text = JSON.stringify(value)
    return this.#after(key, async () => {
      await mkdir(this.#folder, { recursive: true, mode: 0o700 })
      const temporary = join(this.#folder, `.${++this.#count}`)
      await writeFile(temporary, text, { mode: 0o600 })
      await rename(temporary, this.#path(key))
    })
  }

  delete(key: string): Promise<void> {
    return this.#after(key, () => rm(this.#path(key), { force: true }))
  }

  async keys(prefix: string): Promise<string[]> {
    await Promise.all(this.#writes.values())
    const names = (await readdir(this.#folder).catch(absent)) ?? []
    return names.filter((name) => !name.startsWith(".")).map(decodeURIComponent).filter((key) => key.startsWith(prefix)).sort()
  }

  #path(key: string): string {
    return join(this.#folder, encodeURIComponent(key))
  }

  #after(key: string, work: () => Promise<void>): Promise<void> {
    const done = (this.#writes.get(key) ?? Promise.resolve()).catch(() => undefined).then(work)
    this.#writes.set(key, done)
    const forget = (): void => void (this.#writes.get(key) === done && this.#writes.delete(key))
    done.then(forget, forget)
    return done
  }
}

function absent(thrown: NodeJS.ErrnoException): undefined {
  if (thrown.code !== "ENOENT") throw thrown
}

/** Keeps the session beside it. */
export class FileSessions implements SessionStore {
  #files: FileStorage

  constructor(folder: string) {
    this.#files = new FileStorage(folder)
  }

  load(): Promise<StoredSession | undefined> {
    return this.#files.get("session") as Promise<StoredSession | undefined>
  }

  save(stored: StoredSession): Promise<void> {
    return this.#files.set("session", stored)
  }

  clear(): Promise<void> {
    return this.#files.delete("session")
  }
}
