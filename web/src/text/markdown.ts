import { Lexer, Tokenizer, type Token, type Tokens } from 'marked'

/**
 * Markdown as people write it in a chat: GitHub's, where one line break is a line break, without raw HTML, link definitions and
 * underlined headings, which nobody means when they write them in a message.
 */
class ChatTokenizer extends Tokenizer {
  override html() { return undefined }
  override def() { return undefined }
  override lheading() { return undefined }
  override tag() { return undefined }
}

/** Longer texts are shown as they are: reading them would hold up the page. */
const LONGEST = 16_000
/** So many texts are remembered, which is more than are in view. */
const REMEMBERED = 400
const read = new Map<string, Token[]>()

/** parse never fails: what is no markdown is text. */
export function parse(text: string): Token[] {
  let tokens = read.get(text)
  if (!tokens) {
    tokens = lex(text)
    if (read.size >= REMEMBERED) read.delete(read.keys().next().value!)
    read.set(text, tokens)
  }
  return tokens
}

function lex(text: string): Token[] {
  if (text.length <= LONGEST) {
    try {
      return new Lexer({ gfm: true, breaks: true, tokenizer: new ChatTokenizer() }).lex(text)
    } catch (error) {
      console.warn('not read as markdown:', error) // nested too deeply
    }
  }
  return [{ type: 'plain', raw: text, text }]
}

/** safeUrl is the address that a link may lead to, or undefined for those that must not be links. */
export function safeUrl(url: string): string | undefined {
  try {
    const { protocol, href } = new URL(url, 'https://relative.invalid/')
    if (href.startsWith('https://relative.invalid/')) return undefined
    return protocol === 'http:' || protocol === 'https:' || protocol === 'mailto:' ? href : undefined
  } catch {
    return undefined
  }
}

export type Piece = { kind: 'text'; text: string } | { kind: 'mention'; text: string; username: string }

/** A username after @, not inside a word or an address. */
const MENTION = /(?<![\p{L}\p{N}_@/.-])@([a-z0-9](?:[a-z0-9._-]{0,30}[a-z0-9_])?)/giu

/** mentions finds @usernames in plain text; `known` says which of them are somebody. */
export function mentions(text: string, known: (username: string) => boolean): Piece[] {
  const pieces: Piece[] = []
  let from = 0
  for (const match of text.matchAll(MENTION)) {
    const username = match[1]!.toLowerCase()
    if (!known(username)) continue
    if (match.index > from) pieces.push({ kind: 'text', text: text.slice(from, match.index) })
    pieces.push({ kind: 'mention', text: match[0], username })
    from = match.index + match[0].length
  }
  if (from < text.length) pieces.push({ kind: 'text', text: text.slice(from) })
  return pieces
}

/** plain is a message in one line without its markup, for lists and notifications. */
export function plain(text: string, most = 300): string {
  return words(parse(text.slice(0, most * 4))).replace(/\s+/g, ' ').trim().slice(0, most)
}

function words(tokens: Token[]): string {
  let all = ''
  for (const token of tokens) {
    if (token.type === 'list') all += (token as Tokens.List).items.map(item => `${words(item.tokens)} `).join('')
    else if (token.type === 'table') all += [...(token as Tokens.Table).header, ...(token as Tokens.Table).rows.flat()].map(cell => `${words(cell.tokens)} `).join('')
    else if (token.type === 'image') all += token.text || token.href
    else if (token.type === 'br' || token.type === 'space') all += ' '
    else if ('tokens' in token && token.tokens) all += words(token.tokens) + (token.type === 'paragraph' || token.type === 'heading' ? ' ' : '')
    else if ('text' in token) all += token.text
    else all += token.raw
  }
  return all
}

const PICTURES = /^(?:\p{Extended_Pictographic}(?:\p{Emoji_Modifier}|\uFE0F|\u200D\p{Extended_Pictographic})*|\p{Regional_Indicator}{2}|[\d#*]\uFE0F?\u20E3|\s)+$/u
/** onlyEmoji is true for messages of a few emoji and nothing else, which are shown large. */
export const onlyEmoji = (text: string) => text.length <= 40 && PICTURES.test(text) && /\P{White_Space}/u.test(text) && [...new Intl.Segmenter().segment(text.replace(/\s/g, ''))].length <= 6
