import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isValidElement, type ComponentChild, type VNode } from 'preact'
import { mentions, onlyEmoji, plain, safeUrl } from '../src/text/markdown.ts'
import { Markdown, type MentionContext } from '../src/text/Markdown.tsx'

const nobody: MentionContext = { known: () => false, me: 'ada', open: () => {} }

type Shown = { type: string; props: Record<string, unknown> } | string

/** shown is everything that a message becomes: elements with their properties, and texts, in order. */
function shown(text: string, mention = nobody): Shown[] {
  const all: Shown[] = []
  const visit = (node: ComponentChild): void => {
    if (Array.isArray(node)) node.forEach(visit)
    else if (isValidElement(node)) {
      const { type, props } = node as VNode<Record<string, unknown>>
      if (typeof type === 'function') return visit((type as (p: object) => ComponentChild)(props))
      const { children, ...rest } = props
      if (typeof type === 'string') all.push({ type, props: rest })
      visit(children as ComponentChild)
    } else if (node !== null && node !== undefined && typeof node !== 'boolean') all.push(String(node))
  }
  visit(<Markdown text={text} mention={mention} />)
  return all
}
const texts = (text: string) => shown(text).filter(part => typeof part === 'string').join('')
const elements = (text: string) => shown(text).filter(part => typeof part !== 'string')
const types = (text: string) => elements(text).map(part => part.type)

const hostile = [
  '<script>alert(1)</script>', '<img src=x onerror=alert(1)>', '<svg/onload=alert(1)>', '<iframe srcdoc="<script>alert(1)</script>">', '<a href="javascript:alert(1)">x</a>',
  '[x](javascript:alert(1))', '[x](JaVaScRiPt:alert(1))', '[x](java\nscript:alert(1))', '[x](&#106;avascript:alert(1))', '[x](javascript&colon;alert(1))', '[x](\u0001javascript:alert(1))',
  '[x](data:text/html,<script>alert(1)</script>)', '[x](vbscript:msgbox(1))', '[x](file:///etc/passwd)', '[x](blob:https://a/b)', '[x](//evil.example)', '[x](/v1/users/me)', '[x](#/settings)',
  '![x](javascript:alert(1))', '![x](https://evil.example/pixel.png)', '![x][y]\n\n[y]: javascript:alert(1)', '<javascript:alert(1)>', '<https://a.example" onmouseover="alert(1)>',
  '`<img src=x onerror=alert(1)>`', '```html"><script>alert(1)</script>\n<b>x</b>\n```', '> <script>alert(1)</script>', '- <script>alert(1)</script>', '| <script>alert(1)</script> |\n|---|\n| <img src=x onerror=alert(1)> |',
  '# <script>alert(1)</script>', '<!-- --><script>alert(1)</script>', '<![CDATA[<script>alert(1)</script>]]>', '<?php alert(1) ?>', '&lt;script&gt;alert(1)&lt;/script&gt;', '<style>*{display:none}</style>',
  '<form action=//evil.example><button>x</button></form>', '<math><mtext></p><script>alert(1)</script>', '**<b onclick=alert(1)>x**', '@<script>alert(1)</script>', '[<img src=x onerror=alert(1)>](https://a.example)',
  'https://a.example/"onmouseover="alert(1)', 'javascript:alert(1)', '[x](https://user:pw@evil.example)', '[x]( "javascript:alert(1)")', '[x](https://a.example "title\\" onclick=\\"alert(1)")', '\u202ehttps://evil.example',
]

const allowedTypes = new Set(['div', 'p', 'strong', 'em', 'del', 'code', 'pre', 'br', 'blockquote', 'ul', 'ol', 'li', 'input', 'hr', 'table', 'thead', 'tbody', 'tr', 'th', 'td', 'a', 'button'])
const allowedProps = new Set(['class', 'dir', 'href', 'target', 'rel', 'type', 'checked', 'disabled', 'aria-label', 'start', 'tabIndex', 'onClick'])

test('nothing hostile becomes more than text and plain elements', () => {
  for (const text of hostile) {
    for (const { type, props } of elements(text)) {
      assert.ok(allowedTypes.has(type), `${text} made <${type}>`)
      for (const name of Object.keys(props)) assert.ok(allowedProps.has(name), `${text} gave <${type}> a ${name}`)
      if (type === 'a') {
        assert.match(String(props.href), /^(https?:|mailto:)/, text)
        assert.equal(props.rel, 'noopener noreferrer nofollow')
      }
      if (type !== 'button') assert.equal(props.onClick, undefined, text)
    }
  }
})

test('markup that people typed is shown as they typed it', () => {
  assert.equal(texts('a <b>x</b> &amp; "q" < >').trim(), 'a <b>x</b> &amp; "q" < >')
  assert.equal(texts('<script>alert(1)</script>').trim(), '<script>alert(1)</script>')
  assert.equal(texts('[x](javascript:alert(1))').trim(), '[x](javascript:alert(1))')
})

test('pictures are links, and are not loaded', () => {
  assert.deepEqual(types('![cat](https://a.example/cat.png)'), ['div', 'p', 'a'])
})

test('the markdown of chats is understood', () => {
  assert.deepEqual(types('**b** *i* ~~d~~ `c`'), ['div', 'p', 'strong', 'em', 'del', 'code'])
  assert.deepEqual(types('one\ntwo'), ['div', 'p', 'br'])
  assert.deepEqual(types('```js\nx\n```'), ['div', 'pre', 'code'])
  assert.deepEqual(types('- a\n- b'), ['div', 'ul', 'li', 'li'])
  assert.deepEqual(types('- [x] a'), ['div', 'ul', 'li', 'input'])
  assert.deepEqual(types('> q'), ['div', 'blockquote', 'p'])
  assert.deepEqual(types('title\n---'), ['div', 'p', 'hr'])
  assert.deepEqual(types('#general'), ['div', 'p'])
  assert.deepEqual(types('https://a.example/x_y_z'), ['div', 'p', 'a'])
})

test('a list keeps the number that it begins with', () => {
  const list = elements('7. a\n8. b').find(part => part.type === 'ol')
  assert.equal(list?.props.start, 7)
})

test('only safe addresses are links', () => {
  assert.equal(safeUrl('https://a.example/x'), 'https://a.example/x')
  assert.equal(safeUrl('mailto:me@a.example'), 'mailto:me@a.example')
  for (const url of ['javascript:alert(1)', ' javascript:alert(1)', 'java\tscript:alert(1)', '/v1/users/me', '#/settings', 'data:text/html,x', 'ftp://a.example', 'http://', '']) assert.equal(safeUrl(url), undefined, url)
})

test('mentions are whole usernames of people that are known', () => {
  const known = (name: string) => name === 'ada' || name === 'ben.okoro'
  const found = (text: string) => mentions(text, known).filter(piece => piece.kind === 'mention').map(piece => piece.text)
  assert.deepEqual(found('@ada and @Ben.Okoro.'), ['@ada', '@Ben.Okoro'])
  assert.deepEqual(found('me@ada.example, x@ada, @@ada, /@ada'), [])
  assert.deepEqual(found('@nobody @adam'), [])
  assert.equal(mentions('hi @ada!', known).map(piece => piece.text).join(''), 'hi @ada!')
})

test('a message in one line has no markup', () => {
  assert.equal(plain('**Hello** [you](https://a.example)\n- one\n- two\n```\ncode\n```'), 'Hello you one two code')
  assert.equal(plain('x'.repeat(1000), 100).length, 100)
})

test('a few emoji alone are large, words and digits are not', () => {
  for (const text of ['🎂', '👍🏽 👩‍👩‍👧', '🇩🇪', '❤️']) assert.ok(onlyEmoji(text), text)
  for (const text of ['', ' ', 'a', '1', '#', '🎂 cake', '🎂'.repeat(7)]) assert.ok(!onlyEmoji(text), text)
})

test('long and deep texts take neither the page down nor long', () => {
  const start = performance.now()
  const nested = Array.from({ length: 200 }, (_, i) => `${' '.repeat(i * 2)}- a`).join('\n')
  assert.ok(elements(nested).filter(part => part.type === 'ul').length < 20)
  for (const text of [nested, '*'.repeat(20_000), '['.repeat(10_000), '>'.repeat(2_000), '`'.repeat(20_000), '**a '.repeat(4_000), '- '.repeat(2_000), '|a'.repeat(5_000), '@a'.repeat(10_000)]) shown(text)
  assert.ok(performance.now() - start < 20_000, `${performance.now() - start} ms`)
})
