import { setTimeout as pause } from "node:timers/promises"

/** Waits until something is so, and says what it waited for when it never is. */
export async function until<T>(what: string, look: () => T | Promise<T>, within = 60_000): Promise<NonNullable<T>> {
  for (const end = Date.now() + within; ;) {
    const seen = await look()
    if (seen) return seen
    if (Date.now() > end) throw new Error(`it never came to be that ${what}`)
    await pause(20)
  }
}
