/** One tab's end of a channel between tabs. */
export interface TabChannel {
  postMessage(message: unknown): void
  onmessage: ((event: { data: unknown }) => void) | null
  close(): void
}

/** What a client uses of what it runs in. Tests, and runtimes that do things differently, replace parts of it. */
export interface Platform {
  /** Web Locks: what all tabs of a browser share. */
  locks?: { request<T>(name: string, options: { signal?: AbortSignal }, work: () => Promise<T>): Promise<T>; request<T>(name: string, work: () => Promise<T>): Promise<T> }
  /** Opens a BroadcastChannel. */
  channel?: (name: string) => TabChannel
  /** Tells of `online`, `offline` and `visibilitychange`; a window. */
  events?: Pick<EventTarget, "addEventListener" | "removeEventListener">
  /** Whether there may be a network. */
  onLine(): boolean
}

/** The platform that this program runs on. */
export function thisPlatform(): Platform {
  const browser = typeof document !== "undefined"
  return {
    ...(browser && navigator.locks && typeof BroadcastChannel !== "undefined" && {
      locks: navigator.locks as unknown as NonNullable<Platform["locks"]>,
      channel: (name: string) => new BroadcastChannel(name) as TabChannel,
    }),
    ...(browser && { events: window }),
    onLine: () => !browser || navigator.onLine,
  }
}
