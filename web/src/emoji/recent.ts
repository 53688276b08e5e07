const KEY = 'parley.app.emoji'
/** Two rows of the picker. */
const MOST = 18

/** recent is what was picked last in this browser, the newest first. */
export function recent(): string[] {
  try {
    const kept: unknown = JSON.parse(localStorage.getItem(KEY) ?? '[]')
    return Array.isArray(kept) ? kept.filter(emoji => typeof emoji === 'string').slice(0, MOST) : []
  } catch {
    return [] // not ours
  }
}

export function remember(emoji: string): void {
  localStorage.setItem(KEY, JSON.stringify([emoji, ...recent().filter(other => other !== emoji)].slice(0, MOST)))
}
