// What people write is never taken for code, wherever it is shown, and the page talks to its own server only.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { launch, Person } from '../person.mjs'
import { serve } from '../server.mjs'

// Each would call hit() or ask another server if the page ever took a text for markup or a link for code.
const corpus = [
  '<script>hit()</script>',
  '<img src=x onerror=hit()>',
  '<svg/onload=hit()>',
  '"><svg><animate onbegin=hit() attributeName=x dur=1s>',
  '\'"--></style></script><script>hit()</script>',
  '<iframe srcdoc="<script>parent.hit()</script>"></iframe>',
  '<a href="javascript:hit()">x</a>',
  'javascript:hit()',
  '<details open ontoggle=hit()>x</details>',
  '<body onload=hit()>',
  '<math><mtext><table><mglyph><style><img src onerror=hit()>',
  '&lt;script&gt;hit()&lt;/script&gt;',
  '${hit()} {{hit()}} #{hit()}',
  '<div style="background:url(https://example.invalid/s)">x</div>',
  '<link rel=stylesheet href=https://example.invalid/c>',
  '<base href=https://example.invalid/>',
  '\u202E<script>hit()</script>',
]

// These are markdown, so that they are not shown as they were written.
const markdown = [
  '[x](javascript:hit())',
  '[x](JaVaScRiPt:hit())',
  '[x](java\nscript:hit())',
  '[x](data:text/html,<script>hit()</script>)',
  '[x](vbscript:hit())',
  '[x](//example.invalid/"onmouseover="hit())',
  '<javascript:hit()>',
  '[x]: javascript:hit()\n\n[x]',
  '![x](https://example.invalid/pixel.gif)',
  '![x](javascript:hit())',
  '![x" onerror="hit()](x)',
  'https://example.invalid/"onmouseover="hit()',
  '```html\n<script>hit()</script>\n```',
  '`<img src=x onerror=hit()>`',
  '| <img src=x onerror=hit()> |\n|---|\n| <script>hit()</script> |',
  '> <script>hit()</script>\n\n1. <img src=x onerror=hit()>\n- [ ] <svg/onload=hit()>',
]

let server, browser, ada, ben, room
let hits = 0

before(async () => {
  server = await serve()
  browser = await launch()
  ada = await Person.arrive(browser, server, 'ada', corpus[1])
  ben = await Person.arrive(browser, server, 'ben', corpus[2])
  for (const person of [ada, ben]) await person.context.exposeFunction('hit', () => { hits++ })
  room = await ada.member.makes(corpus[0].slice(0, 64), { topic: corpus[4] })
  await ben.member.joins(room)
})

after(async () => {
  await browser?.close()
  await server?.stop()
})

// isClean looks for anything in the page that no part of the app makes.
async function isClean(person, where) {
  assert.equal(hits, 0, where)
  const foreign = await person.page.evaluate(() => [
    ...[...document.querySelectorAll('iframe, object, embed, img, style, details, math, base, animate, form[action], body link[rel=stylesheet], body script:not([src^="/_parley/"])')].map(e => e.outerHTML.slice(0, 100)),
    ...[...document.querySelectorAll('a[href]')].filter(a => !['http:', 'https:', 'mailto:'].includes(a.protocol)).map(a => a.href),
    ...[...document.querySelectorAll('*')].filter(e => [...e.attributes].some(a => a.name.startsWith('on'))).map(e => e.outerHTML.slice(0, 100)),
  ])
  assert.deepEqual(foreign, [], where)
}

test('texts that look like code are shown as they were written, now and after a reload', async () => {
  for (const person of [ada, ben]) await person.page.goto(`${server.url}/#/room/${room.id}`)
  await ada.composer.waitFor()
  for (const text of corpus.slice(0, 3)) await ada.writes(text)
  await ada.isSent()
  for (const text of corpus.slice(3)) await ada.member.says(room, text)
  for (let round = 0; round < 2; round++) {
    await ben.until('the last has come', async () => (await ben.texts()).at(-1) === corpus.at(-1).trim())
    const seen = new Set(await ben.texts())
    await ben.log.evaluate(log => { log.scrollTop = 0 })
    await ben.until('the first is in the page', async () => (await ben.texts())[0] === corpus[0])
    for (const text of await ben.texts()) seen.add(text)
    assert.deepEqual(corpus.filter(text => !seen.has(text.trim())), [])
    await isClean(ben, 'in the room')
    await ben.reload()
  }
})

test('links and pictures in markdown lead nowhere they should not', async () => {
  for (const text of markdown) {
    const { seq } = await ada.member.says(room, text)
    await ben.until(`${text} is in the page`, () => ben.log.locator(`[data-seq="${seq}"]`).count())
    await isClean(ben, text)
  }
})

test('names, topics and states that look like code stay text on every page', async () => {
  const names = []
  for (const name of corpus.filter(text => [...text].length <= 64)) {
    await ada.member.ask('PATCH', '/v1/users/me', { display_name: name, status_text: name }).then(() => names.push(name), error => assert.equal(error.status, 422, `a name may be refused, with a reason: ${name}`))
  }
  assert.ok(names.length > 5, 'most are accepted')
  for (const name of names) {
    await ada.member.ask('PATCH', '/v1/users/me', { display_name: name, status_text: name })
    await ada.member.ask('PATCH', `/v1/rooms/${room.id}`, { name, topic: name })
    await ben.reload()
    await ben.page.getByRole('heading', { level: 1 }).getByText(name.trim(), { exact: true }).waitFor()
    await ben.until('the author is shown by name', async () => (await ben.log.locator('.author').allInnerTexts()).some(author => author.trim() === name.trim()))
    await isClean(ben, name)
  }
  for (const hash of [`#/room/${room.id}/details`, `#/room/${room.id}/members`, `#/room/${room.id}/search`, '#/browse', '#/settings/profile', '#/admin/people', '#/admin/rooms', '#/admin/invites']) {
    await ada.page.goto(`${server.url}/${hash}`)
    await ada.page.getByText(names.at(-1).trim()).first().waitFor()
    await isClean(ada, hash)
  }
  await ada.page.keyboard.press('Control+k')
  await ada.page.getByRole('dialog', { name: 'Go to' }).getByRole('option').first().waitFor()
  await isClean(ada, 'the switcher')
})

test('what is found in a search stays text', async () => {
  await ben.page.goto(`${server.url}/#/room/${room.id}/search`)
  await ben.page.getByRole('searchbox', { name: 'Search messages' }).fill('script')
  await ben.page.getByRole('list', { name: 'Search results' }).getByRole('listitem').first().waitFor()
  await isClean(ben, 'search')
})

test('addresses that look like code lead home', async () => {
  for (const hash of ['#/room/<img src=x onerror=hit()>', '#/invite/"><script>hit()</script>', '#/admin/<script>', '#javascript:hit()', '#/room/x/at/NaN/thread/-1', '#/%E0%A4%A']) {
    await ben.page.goto('about:blank')
    await ben.page.goto(`${server.url}/${hash}`)
    await ben.list.waitFor()
    await isClean(ben, hash)
  }
})

test('the policy would stop code that the page let through', async () => {
  const outcomes = await ada.page.evaluate(() => [
    () => document.createElement('button').setAttribute('onclick', 'hit()'),
    () => { document.createElement('div').innerHTML = '<b>x</b>' },
    () => { document.createElement('script').textContent = 'hit()' },
    () => { document.createElement('script').src = 'https://example.invalid/x.js' },
    () => { document.createElement('iframe').srcdoc = '<b>x</b>' },
    () => trustedTypes.createPolicy('mine', {}),
  ].map(attempt => { try { attempt(); return 'allowed' } catch (e) { return e.name } }))
  assert.deepEqual(outcomes, outcomes.map(() => 'TypeError'))
  assert.equal(hits, 0)
  const caught = ada.faults.splice(0)
  assert.ok(caught.length >= outcomes.length && caught.every(fault => /^policy|^console: .*(Trusted|policy)/i.test(fault)), `each was reported: ${caught}`)
})

test('no page had a fault, no policy was touched, and none asked another server', async () => {
  for (const person of [ada, ben]) person.isFaultless()
  const policy = (await fetch(`${server.url}/`)).headers.get('Content-Security-Policy')
  assert.doesNotMatch(policy, /unsafe|https?:|\*/)
  assert.match(policy, /require-trusted-types-for 'script'/)
})
