/** fold makes letters comparable: small, without their diacritics. */
const fold = (text: string) => text.normalize('NFD').replace(/\p{M}/gu, '').toLowerCase()

/** score says how well letters fit a name: its start, a word's start, inside it, or just in this order; 0 is not at all. */
export function score(query: string, name: string): number {
  const wanted = fold(query.trim())
  const text = fold(name)
  if (wanted === '') return 1
  if (text === wanted) return 100
  if (text.startsWith(wanted)) return 80
  const at = text.indexOf(wanted)
  if (at > 0) return /[\s._-]/.test(text[at - 1]!) ? 60 : 40
  let from = 0
  for (const letter of wanted) {
    from = text.indexOf(letter, from) + 1
    if (from === 0) return 0
  }
  return 20
}

/** rank keeps what fits, the best first; what fits alike stays in its order. */
export function rank<T>(query: string, all: readonly T[], names: (each: T) => string[]): T[] {
  return all.map(each => ({ each, score: Math.max(...names(each).map(name => name === '' ? 0 : score(query, name))) }))
    .filter(scored => scored.score > 0).sort((a, b) => b.score - a.score).map(scored => scored.each)
}
