import { setTimeout as pause } from 'node:timers/promises'

// until asks again and again, 50 ms apart, for at most 20 s, and returns the first true answer.
export async function until(what, ask) {
  for (const end = Date.now() + 20_000; ;) {
    const answer = await ask()
    if (answer) return answer
    if (Date.now() > end) throw new Error(`waited 20 s in vain until ${what}`)
    await pause(50)
  }
}
