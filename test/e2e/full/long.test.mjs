// Long rooms: everything is reached, nothing is missing or twice, and what a frame takes is told.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { Member } from '../member.mjs'
import { launch, Person } from '../person.mjs'
import { Server, serve, town } from '../server.mjs'

let server, browser, ada, members, room

before(async () => {
  server = town ? await serve() : await Server.start('--no-limits')
  browser = await launch()
  members = []
  for (const name of ['Ada Ek', 'Ben Okoro', 'Mei Tanaka', 'Jonas Weber']) members.push(await Member.signUp(server, name.split(' ')[0].toLowerCase(), name))
  room = await members[0].makes('long')
  for (const member of members.slice(1)) await member.joins(room)
  await fill(5_000)
  const { head } = await members[0].ask('GET', `/v1/rooms/${room.id}`)
  await members[0].ask('POST', `/v1/rooms/${room.id}/read`, { seq: head })
  ada = await Person.as(browser, server, members[0])
})

after(async () => {
  await browser?.close()
  await server?.stop()
})

const lines = ['yes', 'That is what I thought when I read it this morning, and then I read it again.', 'one\ntwo\nthree', '**bold** and `code`', 'See https://example.org/a/rather/long/address?with=questions for more', 'ok 👍']
let written = 0

// fill has people write at once until so many messages are in the room.
async function fill(upTo) {
  const writer = async member => {
    while (written < upTo) {
      const n = ++written
      const text = n === 2_500 ? 'here lies the needle' : `${n}: ${lines[n % lines.length]}`
      await member.ask('POST', `/v1/rooms/${room.id}/messages`, { text })
    }
  }
  await Promise.all(Array.from({ length: 16 }, (_, i) => writer(members[i % members.length])))
}

// seen scrolls from the first to the last message and returns the numbers of all that were in the page, in order.
const seen = person => person.log.evaluate(async log => {
  const frame = () => new Promise(requestAnimationFrame)
  const numbers = []
  log.scrollTop = 0
  for (let still = 0; still < 5;) {
    await frame()
    await frame()
    for (const article of log.querySelectorAll('article[data-seq]')) {
      const seq = Number(article.dataset.seq)
      if (seq > (numbers.at(-1) ?? 0)) numbers.push(seq)
    }
    const before = log.scrollTop
    log.scrollTop += log.clientHeight * 0.8
    await frame()
    still = log.scrollTop === before ? still + 1 : 0
  }
  return numbers
})

const inView = (person, text) => person.until(`"${text}" is in view`, () => person.message(text).evaluate(article => {
  const { top, bottom } = article.getBoundingClientRect()
  return top > 0 && bottom <= innerHeight
}).catch(() => false))

// toTheTop scrolls up until the room's beginning has come.
const toTheTop = person => person.until('the beginning is there', async () => {
  await person.log.evaluate(log => { log.scrollTop = 0 })
  return await person.page.getByText('This is the beginning of long').count() === 1
}, 300_000)

test('a room of 5 000 opens at its end, and its beginning is reached with nothing missing', async () => {
  const history = await members[0].history(room)
  assert.equal(history.length, 5_000)
  await ada.goesTo('long')
  await inView(ada, new RegExp(`^\\s*${history.at(-1).text.slice(0, 5)}`))
  await ada.page.evaluate(() => new Promise(requestAnimationFrame))
  assert.ok(await ada.log.getByRole('article').count() < 200, 'only a part is in the page')
  await toTheTop(ada)
  assert.deepEqual(await seen(ada), history.map(message => message.seq))
})

test('a search leads into the middle, and the newest is one step away', async () => {
  await ada.reload()
  await ada.log.getByRole('article').first().waitFor()
  const panel = await ada.opensPanel('Search')
  await panel.getByRole('searchbox', { name: 'Search messages' }).fill('needle')
  await panel.getByRole('list', { name: 'Search results' }).getByRole('button').click()
  await inView(ada, 'here lies the needle')
  await ada.page.getByRole('button', { name: /^Jump to the newest/ }).click()
  const last = (await members[0].history(room)).at(-1)
  await ada.until('the last is in the page', () => ada.log.locator(`[data-seq="${last.seq}"]`).count())
  await panel.getByRole('button', { name: 'Close' }).click()
})

test('a day leads to its first message', async () => {
  await ada.roomMenu('Jump to a day')
  await ada.page.getByRole('dialog', { name: 'Jump to a day' }).getByRole('button', { name: 'Show' }).click()
  const [first] = await members[0].history(room)
  await ada.until('the first of the day is in view', () => ada.log.locator(`[data-seq="${first.seq}"]`).evaluate(article => article.getBoundingClientRect().top > 0).catch(() => false))
})

test('what one reads stays where it is while others write', async () => {
  await ada.page.goto(`${server.url}/#/room/${room.id}/at/2400`)
  const read = ada.log.locator('[data-seq="2400"]')
  await read.waitFor()
  const top = () => read.evaluate(article => article.getBoundingClientRect().top)
  let before
  await ada.until('it has come to rest', async () => {
    const now = await top()
    const rests = before === now
    before = now
    return rests
  })
  await members[1].says(room, 'a word at the end')
  await ada.page.getByRole('button', { name: /1 unread/ }).waitFor()
  assert.ok(Math.abs(await top() - before) <= 1, 'it has not moved')
})

test('10 000 messages: how long frames take while scrolling', async t => {
  await fill(10_000)
  await ada.page.goto(`${server.url}/#/room/${room.id}`)
  await ada.reload()
  await ada.log.getByRole('article').first().waitFor()
  await toTheTop(ada)
  const measure = step => ada.log.evaluate(async (log, step) => {
    const times = []
    log.scrollTop = 0
    await new Promise(requestAnimationFrame)
    for (let i = 0, last = performance.now(); i < 400; i++) {
      log.scrollTop += step
      const now = await new Promise(requestAnimationFrame)
      times.push(now - last)
      last = now
    }
    times.sort((a, b) => a - b)
    return { moved: log.scrollTop, median: times[200], p95: times[380], most: times.at(-1) }
  }, step)
  for (const [what, step] of [['reading speed', 40], ['a flick', 400], ['dragging the bar', 1500]]) {
    const { moved, median, p95, most } = await measure(step)
    assert.ok(moved > 10_000, 'it did scroll')
    t.diagnostic(`${what} (${step} px a frame): median ${median.toFixed(1)} ms, 95 % within ${p95.toFixed(1)} ms, longest ${most.toFixed(1)} ms`)
  }
  const numbers = await seen(ada)
  assert.deepEqual(numbers, (await members[0].history(room)).map(message => message.seq))
})

test('no page had a fault, and none asked another server', () => ada.isFaultless())
