import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { launch, Person } from './person.mjs'
import { serve } from './server.mjs'

// Each would call hit() if the page ever took a text for markup or a link for code.
const corpus = [
  '<script>hit()</script>',
  '<img src=x onerror=hit()>',
  '<svg/onload=hit()>',
  '"><svg><animate onbegin=hit() attributeName=x dur=1s>',
  '\'"--></style></script><script>hit()</script>',
  '<iframe srcdoc="<script>parent.hit()</script>"></iframe>',
  '<a href="javascript:hit()">x</a>',
  'javascript:hit()',
  'https://example.invalid/"onmouseover="hit()',
  '<details open ontoggle=hit()>x</details>',
  '<body onload=hit()>',
  '<math><mtext><table><mglyph><style><img src onerror=hit()>',
  '&lt;script&gt;hit()&lt;/script&gt;',
  '${hit()} {{hit()}} #{hit()}',
  '\u202E<script>hit()</script>',
]

let server, browser, ada, ben

before(async () => {
  server = await serve()
  browser = await launch()
  for (const open of [0, 1]) {
    const person = await Person.open(browser, server.url)
    person.hits = 0
    await person.context.exposeFunction('hit', () => { person.hits++ })
    await person.page.reload()
    if (open) ben = person
    else ada = person
  }
  await ada.signUp('ada', corpus[1])
  await ben.signUp('ben', corpus[2])
})

after(async () => {
  await browser?.close()
  await server?.stop()
})

test('texts that look like code are shown as they were written', async () => {
  for (const text of corpus) {
    await ada.says(text)
    await ben.sees(text)
  }
  assert.deepEqual(await ben.texts(), corpus)
})

test('names that look like code are shown as they were given', async () => {
  assert.equal(await ben.page.locator('#log article b').first().textContent(), corpus[1])
  const session = await ada.page.evaluate(() => JSON.parse(localStorage.getItem('parley.session')).session.access_token)
  for (const name of corpus) {
    const headers = { Authorization: `Bearer ${session}`, 'Content-Type': 'application/json' }
    const answer = await fetch(`${server.url}/v1/users/me`, { method: 'PATCH', headers, body: JSON.stringify({ display_name: name }) })
    if (!answer.ok) {
      assert.equal(answer.status, 422, `a name may be refused, with a reason: ${name}`)
      continue
    }
    await ben.page.reload()
    await ben.page.locator('#log article b').first().filter({ hasText: name.trim() }).waitFor()
  }
})

test('a channel\'s name that looks like code stays a name', async () => {
  await ada.finds(corpus[0], corpus[0], 'Create')
  await ada.isIn(corpus[0])
  await ben.finds('<script', corpus[0], 'Join')
  await ben.isIn(corpus[0])
})

test('nothing ran, and nothing but the page is in the page', async () => {
  for (const person of [ada, ben]) {
    assert.equal(person.hits, 0)
    assert.deepEqual(person.faults, [])
    assert.equal(await person.page.locator('script, iframe, svg, style, details, math').count(), 1, 'the page\'s own script')
    assert.equal(await person.page.locator('#log img, #log a, #rooms img').count(), 0)
  }
})

test('the policy would stop code that the page let through', async () => {
  const outcomes = await ada.page.evaluate(() => [
    () => document.createElement('button').setAttribute('onclick', 'hit()'),
    () => { document.createElement('div').innerHTML = '<b>x</b>' },
    () => { document.createElement('script').textContent = 'hit()' },
    () => { document.createElement('script').src = 'https://example.invalid/x.js' },
    () => { document.createElement('iframe').srcdoc = '<b>x</b>' },
  ].map(attempt => { try { attempt(); return 'allowed' } catch (e) { return e.name } }))
  assert.deepEqual(outcomes, outcomes.map(() => 'TypeError'))
  assert.equal(ada.hits, 0)
})
