export interface Emoji { emoji: string; codes: string[]; words: string }

let loaded: Promise<Emoji[][]> | undefined
let byCode: Map<string, string> | undefined

/** groups is every emoji, by Unicode's groups in their order; the list is fetched when it is first wanted. */
export function groups(): Promise<Emoji[][]> {
  return loaded ??= import('virtual:emoji').then(({ default: lists }) => {
    const all = lists.map(unpack)
    byCode = new Map(all.flat().flatMap(e => e.codes.map(code => [code, e.emoji] as const)))
    return all
  }, (error: unknown) => { loaded = undefined; throw error })
}

/** unpack reads a group as vite.config.ts has written it. */
export function unpack([emoji, codes, words]: readonly [string, string, string]): Emoji[] {
  const names = codes.split(',')
  const more = words.split(',')
  let before = 0
  return emoji.split(',').map((packed, i) => {
    const [distance = 0, ...others] = packed.split('.').map(number => parseInt(number, 36))
    before += distance
    return { emoji: String.fromCodePoint(before, ...others), codes: names[i]!.split(' '), words: `${names[i]} ${more[i]}` }
  })
}

/** find answers the emoji that a word stands for, those whose code starts with it first. */
export async function find(word: string, most = 8): Promise<Emoji[]> {
  const wanted = word.toLowerCase()
  const starts: Emoji[] = []
  const contains: Emoji[] = []
  for (const group of await groups()) {
    for (const emoji of group) {
      if (emoji.codes.some(code => code.startsWith(wanted))) starts.push(emoji)
      else if (emoji.words.includes(wanted)) contains.push(emoji)
    }
  }
  const length = (e: Emoji) => Math.min(...e.codes.filter(code => code.startsWith(wanted)).map(code => code.length))
  return [...starts.sort((a, b) => length(a) - length(b)), ...contains].slice(0, most)
}

const CODE = /:([a-z0-9_+-]{1,40}):/g

/** withEmoji puts emoji in the place of their `:codes:`, once the list is there; what is no code, or stands in code, stays. */
export function withEmoji(text: string): string {
  if (!byCode || !text.match(CODE)) return text
  const known = byCode
  return text.split(/(```[\s\S]*?(?:```|$)|`[^`\n]*`)/).map((part, i) => i % 2 ? part : part.replace(CODE, (all, code: string) => known.get(code) ?? all)).join('')
}
