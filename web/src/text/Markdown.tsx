import type { ComponentChild } from 'preact'
import type { Token, Tokens } from 'marked'
import { mentions, onlyEmoji, parse, safeUrl } from './markdown'

export interface MentionContext { known: (username: string) => boolean; me: string; open: (username: string) => void }
interface Props { text: string; mention: MentionContext; edited?: ComponentChild }

/** Markdown shows the text of a message. Everything in it becomes text nodes and a fixed set of elements, never markup of its own. */
export function Markdown({ text, mention, edited }: Props) {
  if (onlyEmoji(text)) return <div class="text huge" dir="auto"><p>{text} {edited}</p></div>
  const blocks = parse(text)
  const last = blocks.length - 1
  return (
    <div class="text" dir="auto">
      {blocks.map((token, i) => i === last && token.type === 'paragraph'
        ? <p dir="auto">{inline(token.tokens ?? [], mention)} {edited}</p>
        : block(token, mention))}
      {edited && blocks[last]?.type !== 'paragraph' && <p>{edited}</p>}
    </div>
  )
}

/** What is nested deeper than this is shown as it was written: it is nobody's message, and would take the page down with it. */
const DEEPEST = 12

const all = (tokens: Token[], mention: MentionContext, depth: number): ComponentChild[] => tokens.map(token => block(token, mention, depth))

function block(token: Token, mention: MentionContext, depth = 0): ComponentChild {
  if (depth > DEEPEST) return token.raw
  switch (token.type) {
    case 'plain': return <p class="plain" dir="auto">{token.raw}</p>
    case 'space': return null
    case 'paragraph': return <p dir="auto">{inline(token.tokens ?? [], mention)}</p>
    case 'heading': return <p dir="auto" class="heading">{inline(token.tokens ?? [], mention)}</p>
    case 'code': return <pre tabIndex={0}><code>{token.text}</code></pre>
    case 'blockquote': return <blockquote dir="auto">{all(token.tokens ?? [], mention, depth + 1)}</blockquote>
    case 'hr': return <hr />
    case 'list': return listing(token as Tokens.List, mention, depth + 1)
    case 'table': return table(token as Tokens.Table, mention)
    case 'text': return token.tokens ? inline(token.tokens, mention) : plainText(token.text, mention)
    case 'checkbox': return null
    default: return <p dir="auto">{token.raw}</p>
  }
}

function listing(token: Tokens.List, mention: MentionContext, depth: number): ComponentChild {
  const items = token.items.map(item => (
    <li>
      {item.task && <input type="checkbox" checked={Boolean(item.checked)} disabled aria-label={item.checked ? '☑' : '☐'} />}
      {all(item.tokens, mention, depth)}
    </li>
  ))
  return token.ordered ? <ol start={Number(token.start) || 1}>{items}</ol> : <ul>{items}</ul>
}

function table(token: Tokens.Table, mention: MentionContext): ComponentChild {
  return (
    <div class="table" tabIndex={0}>
      <table>
        <thead><tr>{token.header.map(cell => <th>{inline(cell.tokens, mention)}</th>)}</tr></thead>
        <tbody>{token.rows.map(row => <tr>{row.map(cell => <td>{inline(cell.tokens, mention)}</td>)}</tr>)}</tbody>
      </table>
    </div>
  )
}

function inline(tokens: Token[], mention: MentionContext, depth = 0): ComponentChild[] {
  return tokens.map(token => {
    const inner = () => depth > DEEPEST ? [token.raw] : inline('tokens' in token ? token.tokens ?? [] : [], mention, depth + 1)
    switch (token.type) {
      case 'strong': return <strong>{inner()}</strong>
      case 'em': return <em>{inner()}</em>
      case 'del': return <del>{inner()}</del>
      case 'codespan': return <code>{token.text}</code>
      case 'br': return <br />
      case 'escape': return token.text
      case 'checkbox': return null
      case 'link': return link(token.href, token.raw, inner())
      case 'image': return link(token.href, token.raw, token.text || token.href) // nothing is loaded from elsewhere
      case 'text': return 'tokens' in token && token.tokens ? inner() : plainText(token.text, mention)
      default: return token.raw
    }
  })
}

function link(url: string, raw: string, children: ComponentChild): ComponentChild {
  const href = safeUrl(url)
  return href === undefined ? raw : <a href={href} target="_blank" rel="noopener noreferrer nofollow" dir="auto">{children}</a>
}

function plainText(text: string, mention: MentionContext): ComponentChild {
  return mentions(text, mention.known).map(piece => piece.kind === 'text' ? piece.text : (
    <button type="button" class={`mention${piece.username === mention.me || piece.username === 'all' ? ' to-me' : ''}`} onClick={() => mention.open(piece.username)}>{piece.text}</button>
  ))
}
