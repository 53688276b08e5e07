/** Where a client keeps what must outlive it. Values are what structuredClone copies. */
export interface Storage {
  get(key: string): Promise<unknown>
  set(key: string, value: unknown): Promise<void>
  delete(key: string): Promise<void>
  /** The keys that begin with `prefix`, in order. */
  keys(prefix: string): Promise<string[]>
}

/** Keeps everything for as long as the program runs. */
export class MemoryStorage implements Storage {
  #values = new Map<string, unknown>()

  async get(key: string): Promise<unknown> {
    return structuredClone(this.#values.get(key))
  }

  async set(key: string, value: unknown): Promise<void> {
    this.#values.set(key, structuredClone(value))
  }

  async delete(key: string): Promise<void> {
    this.#values.delete(key)
  }

  async keys(prefix: string): Promise<string[]> {
    return [...this.#values.keys()].filter((key) => key.startsWith(prefix)).sort()
  }
}

/** Keeps everything in the browser's IndexedDB, shared by its tabs. */
export class IndexedDbStorage implements Storage {
  #name: string
  #database: Promise<IDBDatabase> | undefined

  constructor(name = "parley") {
    this.#name = name
  }

  get(key: string): Promise<unknown> {
    return this.#run("readonly", (store) => store.get(key))
  }

  async set(key: string, value: unknown): Promise<void> {
    await this.#run("readwrite", (store) => store.put(value, key))
  }

  async delete(key: string): Promise<void> {
    await this.#run("readwrite", (store) => store.delete(key))
  }

  keys(prefix: string): Promise<string[]> {
    return this.#run("readonly", (store) => store.getAllKeys(IDBKeyRange.bound(prefix, prefix + "\uffff"))) as Promise<string[]>
  }

  async #run<T>(mode: IDBTransactionMode, ask: (store: IDBObjectStore) => IDBRequest<T>): Promise<T> {
    const database = await (this.#database ??= this.#open())
    return new Promise((resolve, reject) => {
      const transaction = database.transaction("values", mode)
      const request = ask(transaction.objectStore("values"))
      transaction.oncomplete = () => resolve(request.result)
      transaction.onabort = () => reject(transaction.error)
    })
  }

  #open(): Promise<IDBDatabase> {
    return new Promise((resolve, reject) => {
      const request = indexedDB.open(this.#name, 1)
      request.onupgradeneeded = () => request.result.createObjectStore("values")
      request.onsuccess = () => {
        // Another tab may want to delete the database, and the browser may take it away: the next call opens it anew.
        request.result.onclose = () => (this.#database = undefined)
        request.result.onversionchange = () => {
          request.result.close()
          this.#database = undefined
        }
        resolve(request.result)
      }
      request.onerror = () => {
        this.#database = undefined
        reject(request.error)
      }
    })
  }
}

/** What a client uses when it is given no other: IndexedDB where there is one, else memory. @internal */
export function defaultStorage(): Storage {
  return typeof indexedDB === "undefined" ? new MemoryStorage() : new IndexedDbStorage()
}
