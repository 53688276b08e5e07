import { pause } from "./backoff.ts"
import { uuid } from "./uuid.ts"

/** One tab's end of a channel between tabs. */
export interface TabChannel {
  postMessage(message: unknown): void
  onmessage: ((event: { data: unknown }) => void) | null
  close(): void
}

/** The part of Web Locks that is used. */
export interface Locks {
  request<T>(name: string, work: () => Promise<T>): Promise<T>
  request<T>(name: string, options: { signal?: AbortSignal }, work: () => Promise<T>): Promise<T>
}

/** What a client uses of what it runs in. Tests, and runtimes that do things differently, replace parts of it. */
export interface Platform {
  /** What all tabs of a browser share. Without them tabs share no socket. */
  locks?: Locks
  /** Opens a BroadcastChannel. */
  channel?: (name: string) => TabChannel
  /** Tells of `online`, `offline`, `visibilitychange` and `pagehide`; a window. */
  events?: Pick<EventTarget, "addEventListener" | "removeEventListener">
  /** Whether there may be a network. */
  onLine(): boolean
}

/** The platform that this program runs on. */
export function thisPlatform(): Platform {
  const browser = typeof document !== "undefined"
  return {
    ...(browser && navigator.locks && typeof BroadcastChannel !== "undefined" && {
      locks: navigator.locks as unknown as Locks,
      channel: (name: string) => new BroadcastChannel(name) as TabChannel,
    }),
    ...(browser && { events: window }),
    onLine: () => !browser || navigator.onLine,
  }
}

/** How long somebody is taken to be at work who has not said that they are done, in milliseconds. */
const atWork = 40_000

/**
 * Does something in one tab at a time: with locks where there are some, with a note in localStorage in pages that come over plain HTTP
 * from another machine, where browsers have none.
 */
export async function alone<T>(locks: Locks | undefined, name: string, work: () => Promise<T>): Promise<T> {
  if (locks) return locks.request(name, work)
  if (typeof localStorage === "undefined" || typeof document === "undefined") return work()
  for (const mine = uuid(); ; await pause(50 + Math.random() * 100)) {
    const since = Number(localStorage.getItem(name)?.split(" ")[0] ?? 0)
    if (Math.abs(Date.now() - since) < atWork) continue // a note from the future is of a clock that was wrong
    localStorage.setItem(name, `${Date.now()} ${mine}`)
    await pause(50) // whoever writes last has it
    if (localStorage.getItem(name)?.endsWith(mine)) break
  }
  try {
    return await work()
  } finally {
    localStorage.removeItem(name)
  }
}
