import type { Platform, TabChannel } from "../../src/index.ts"

interface Waiter {
  tab: Tab
  grant: () => void
}

/** What the tabs of one browser share: locks, and channels on which all others hear what one says. */
export class Browser {
  #locks = new Map<string, { holder: Tab; waiting: Waiter[] }>()
  #ends = new Set<End>()

  tab(): Tab {
    return new Tab(this)
  }

  async request<T>(tab: Tab, name: string, signal: AbortSignal | undefined, work: () => Promise<T>): Promise<T> {
    const lock = this.#locks.get(name)
    if (lock) {
      await new Promise<void>((resolve, reject) => {
        lock.waiting.push({ tab, grant: resolve })
        signal?.addEventListener("abort", () => {
          lock.waiting = lock.waiting.filter(({ grant }) => grant !== resolve)
          reject(signal.reason as Error)
        })
      })
    } else {
      this.#locks.set(name, { holder: tab, waiting: [] })
    }
    try {
      return await Promise.race([work(), tab.killed])
    } finally {
      this.#pass(name)
    }
  }

  #pass(name: string): void {
    const lock = this.#locks.get(name)!
    const next = lock.waiting.find(({ tab }) => tab.alive)
    if (!next) return void this.#locks.delete(name)
    lock.waiting = lock.waiting.filter((waiter) => waiter !== next)
    lock.holder = next.tab
    next.grant()
  }

  open(tab: Tab, name: string): TabChannel {
    const end = new End(tab, name, this.#ends)
    this.#ends.add(end)
    return end
  }
}

class End implements TabChannel {
  onmessage: ((event: { data: unknown }) => void) | null = null
  readonly tab: Tab
  readonly name: string
  #all: Set<End>

  constructor(tab: Tab, name: string, all: Set<End>) {
    this.tab = tab
    this.name = name
    this.#all = all
  }

  postMessage(message: unknown): void {
    if (!this.tab.alive) return
    const data = structuredClone(message)
    for (const end of this.#all) {
      if (end !== this && end.name === this.name) queueMicrotask(() => end.tab.alive && this.#all.has(end) && end.onmessage?.({ data }))
    }
  }

  close(): void {
    this.#all.delete(this)
  }
}

/** One tab. It can die without a word, as tabs do. */
export class Tab {
  alive = true
  onLine = true
  readonly events = new EventTarget()
  readonly killed: Promise<never>
  readonly platform: Platform
  #die!: (reason: Error) => void

  constructor(browser: Browser) {
    this.killed = new Promise<never>((_, reject) => (this.#die = reject))
    this.killed.catch(() => undefined)
    const tab = this
    this.platform = {
      locks: {
        request<T>(name: string, ...rest: [{ signal?: AbortSignal }, () => Promise<T>] | [() => Promise<T>]): Promise<T> {
          const [{ signal }, work] = rest.length === 2 ? rest : [{ signal: undefined }, rest[0]]
          return browser.request(tab, name, signal, work)
        },
      },
      channel: (name) => browser.open(tab, name),
      events: this.events,
      onLine: () => this.onLine,
    }
  }

  /** The tab is gone: it says and hears nothing more, and its locks are free. */
  kill(): void {
    this.alive = false
    this.#die(new Error("the tab is gone"))
  }

  goes(what: "online" | "offline"): void {
    this.onLine = what === "online"
    this.events.dispatchEvent(new Event(what))
  }
}
