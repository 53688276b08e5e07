// A network that fails and a server that is killed: nothing is lost, nothing is doubled, and the page says what is going on.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { launch, Person } from '../person.mjs'
import { serve, town } from '../server.mjs'

let server, browser, ada, ben

before(async () => {
  server = await serve()
  browser = await launch()
  ada = await Person.arrive(browser, server, 'ada', 'Ada Ek')
  ben = await Person.arrive(browser, server, 'ben', 'Ben Okoro')
  for (const person of [ada, ben]) await person.isIn('general')
})

after(async () => {
  await browser?.close()
  await server?.stop()
})

const banner = person => person.page.getByRole('status').filter({ hasText: /offline|No connection|Connecting/ })

test('what is written offline goes out when the network is back, and what was missed comes in', async () => {
  await ada.says('before')
  await ben.sees('before')
  await ada.context.setOffline(true)
  await banner(ada).getByText('You are offline').waitFor()
  await ada.writes('written in a tunnel')
  await ada.writes('and one more')
  await ben.says('meanwhile outside')
  assert.equal(await ada.waiting(), 2)
  assert.equal(await ben.message('written in a tunnel').count(), 0)
  await ada.context.setOffline(false)
  await ben.sees('and one more')
  await ada.sees('meanwhile outside')
  await ada.isSent()
  await banner(ada).waitFor({ state: 'detached' })
  for (const person of [ada, ben]) {
    assert.deepEqual(await person.isLike(ben.member), ['before', 'meanwhile outside', 'written in a tunnel', 'and one more'])
    await person.reload()
    await person.sees('and one more')
    await person.isLike(ben.member)
  }
})

test('a page that is opened offline shows what was read, and sends what was written after the next opening', async () => {
  await ada.until('the service worker is in charge', () => ada.page.evaluate(() => navigator.serviceWorker.controller !== null))
  await ada.context.setOffline(true)
  await ada.reload()
  await ada.sees('meanwhile outside')
  await ada.writes('written before closing')
  await ada.until('it is stored', () => ada.page.evaluate(async () => {
    const db = await new Promise(resolve => { indexedDB.open('parley').onsuccess = e => resolve(e.target.result) })
    const keys = await new Promise(resolve => { db.transaction('values').objectStore('values').getAllKeys().onsuccess = e => resolve(e.target.result) })
    db.close()
    return keys.some(key => key.includes('|out|'))
  }))
  await ada.page.close()
  await ada.context.setOffline(false)
  ada.page = await ada.tab()
  await ada.sees('written before closing')
  await ada.isSent()
  await ben.sees('written before closing')
  await ben.isLike(ben.member)
})

test('the server is killed while two people write: nothing is lost or doubled in either browser', async () => {
  for (let i = 1; i <= 5; i++) await ada.writes(`Ada ${i}`)
  await ben.composer.pressSequentially('Ben is in the middle of ')
  await server.kill()
  for (let i = 6; i <= 10; i++) await ada.writes(`Ada ${i}`)
  await ben.composer.pressSequentially('a sentence')
  await ben.composer.press('Enter')
  await ben.writes('Ben goes on')
  if (!town) await banner(ada).waitFor() // what is killed of a town is back before it is worth a word
  await server.run()
  for (const person of [ada, ben]) {
    await person.sees('Ada 10')
    await person.sees('Ben goes on')
    await person.isSent()
  }
  await ben.says('after')
  await ada.sees('after')
  for (const person of [ada, ben]) {
    const texts = await person.isLike(ben.member)
    for (const prefix of ['Ada ', 'Ben ']) {
      const wanted = prefix === 'Ada ' ? Array.from({ length: 10 }, (_, i) => `Ada ${i + 1}`) : ['Ben is in the middle of a sentence', 'Ben goes on']
      assert.deepEqual(texts.filter(text => text.startsWith(prefix)), wanted)
    }
    await person.reload()
    await person.sees('after')
    await person.isLike(ben.member)
  }
})

if (!town) test('the banner counts down, and does not wait when it is told to', async () => {
  await ada.sees('after')
  await server.kill()
  await banner(ada).getByText(/Trying again in \d+ seconds?\./).waitFor()
  await server.run()
  await banner(ada).getByRole('button', { name: 'Try now' }).click({ timeout: 5_000 }).catch(() => {}) // it may have come back by itself
  await banner(ada).waitFor({ state: 'detached' })
  await ada.says('back again')
  await ben.sees('back again')
})

test('on a slow network the own words stand there at once', async t => {
  const session = await ada.context.newCDPSession(ada.page)
  await session.send('Network.enable')
  await session.send('Network.emulateNetworkConditions', { offline: false, latency: 1500, downloadThroughput: 6_000, uploadThroughput: 6_000 })
  await ada.reload()
  await ada.sees('after')
  await ada.composer.fill('slow as honey')
  const shown = ada.page.evaluate(() => new Promise(resolve => {
    const began = performance.now()
    const look = () => document.querySelector('main [role=log]').innerText.includes('slow as honey') ? resolve({ took: performance.now() - began, sending: document.querySelector('main article.sending') !== null }) : requestAnimationFrame(look)
    look()
  }))
  await ada.composer.press('Enter')
  const { took, sending } = await shown
  t.diagnostic(`own words after ${Math.round(took)} ms`)
  assert.ok(sending, 'they are shown before the server has them')
  await ben.sees('slow as honey')
  await ada.isSent()
  await ben.says('no hurry')
  await ada.sees('no hurry')
  await session.send('Network.emulateNetworkConditions', { offline: false, latency: 0, downloadThroughput: -1, uploadThroughput: -1 })
  await session.detach()
  await ada.isLike(ben.member)
})

test('no page had a fault, and none asked another server', () => {
  for (const person of [ada, ben]) person.isFaultless()
})
