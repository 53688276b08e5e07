import type { Platform, TabChannel } from "./platform.ts"

/**
 * The tabs of one browser that show the same user. One of them, the leader, holds the socket; when it goes, another takes its place.
 * Without Web Locks there is one tab, which leads.
 */
export class Tabs<Note> {
  #channel: TabChannel | undefined
  #release: (() => void) | undefined
  #giveUp = new AbortController()
  #leads = false

  /** `lead` is called once, when this tab becomes the leader; `hear` with what other tabs say. */
  constructor(name: string, platform: Platform | undefined, lead: () => void, hear: (note: Note) => void) {
    const begin = (): void => {
      this.#leads = true
      lead()
    }
    if (!platform?.locks || !platform.channel) {
      queueMicrotask(() => !this.#giveUp.signal.aborted && begin())
      return
    }
    this.#channel = platform.channel(name)
    this.#channel.onmessage = (event) => hear(event.data as Note)
    platform.locks.request(name, { signal: this.#giveUp.signal }, () => {
      const held = new Promise<void>((resolve) => (this.#release = resolve))
      if (this.#giveUp.signal.aborted) this.#release!()
      else begin()
      return held
    }).catch(() => undefined) // given up before it came
  }

  /** Whether this tab holds the socket. */
  get leads(): boolean {
    return this.#leads
  }

  /** Tells all other tabs. */
  tell(note: Note): void {
    this.#channel?.postMessage(note)
  }

  /** Lets another tab lead. */
  close(): void {
    this.#giveUp.abort()
    this.#release?.()
    this.#channel?.close()
    this.#channel = undefined
    this.#leads = false
  }
}
