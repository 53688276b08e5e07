/** Something that changes. Its getters return the same object until it has changed, so that frameworks can compare by identity. */
export class Observable {
  #listeners = new Set<{ fn: () => void }>()
  #due = false
  #version = 0

  /** Counts the changes: a snapshot for frameworks that want one. */
  get version(): number {
    return this.#version
  }

  /** Calls `fn` after changes, at most once per microtask. Returns how to stop that. Needs no `this`. */
  readonly subscribe = (fn: () => void): (() => void) => {
    const listener = { fn }
    this.#listeners.add(listener)
    return () => void this.#listeners.delete(listener)
  }

  /** Whether anybody has subscribed. @internal */
  get watched(): boolean {
    return this.#listeners.size > 0
  }

  /** @internal */
  changed(): void {
    this.#version++
    if (this.#due) return
    this.#due = true
    queueMicrotask(() => {
      this.#due = false
      for (const { fn } of [...this.#listeners]) guarded(fn)
    })
  }
}

/** Runs what a program gave us. What it throws is the program's own fault, and shown as such, not ours to stumble over. @internal */
export function guarded(fn: () => void): void {
  try {
    fn()
  } catch (thrown) {
    setTimeout(() => {
      throw thrown
    })
  }
}
