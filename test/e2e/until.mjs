import { setTimeout as pause } from 'node:timers/promises'

/** How long anything may take before a test gives up, in milliseconds: long, since a busy machine is slow and a test that waits in vain is rare. */
export const patience = Number(process.env.E2E_PATIENCE ?? 30) * 1000

// until asks again and again, 50 ms apart, and returns the first true answer. What it throws last, or what it was about, is the failure.
export async function until(what, ask, within = patience) {
  for (const end = Date.now() + within; ;) {
    const answer = await ask()
    if (answer) return answer
    if (Date.now() > end) throw new Error(`waited ${within / 1000} s in vain until ${what}`)
    await pause(50)
  }
}
