export interface Excerpt { text: string; hit: boolean }

/** Text before the first hit that is kept, in characters. */
const BEFORE = 60
const MOST = 280

/** excerpt cuts a text around its first hit and marks all hits in what is left. Highlights are [start, end) in the text, in order. */
export function excerpt(text: string, highlights: readonly (readonly [number, number])[]): Excerpt[] {
  const hits = highlights.filter(([start, end]) => end > start)
  const from = hits[0] && hits[0][0] > BEFORE ? wordStart(text, hits[0][0] - BEFORE) : 0
  const to = Math.min(text.length, from + MOST)
  const parts: Excerpt[] = from > 0 ? [{ text: '… ', hit: false }] : []
  let at = from
  for (const [start, end] of hits) {
    if (start < at || start >= to) continue
    if (start > at) parts.push({ text: text.slice(at, start), hit: false })
    parts.push({ text: text.slice(start, Math.min(end, to)), hit: true })
    at = Math.min(end, to)
  }
  if (at < to) parts.push({ text: text.slice(at, to), hit: false })
  if (to < text.length) parts.push({ text: ' …', hit: false })
  return parts
}

function wordStart(text: string, from: number): number {
  const space = text.slice(from).search(/\s/)
  return space >= 0 && space < 30 ? from + space + 1 : from
}
