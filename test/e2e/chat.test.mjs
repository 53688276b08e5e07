import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { launch, Person } from './person.mjs'
import { serve } from './server.mjs'
import { until } from './until.mjs'

let server, browser, ada, ben, eve

before(async () => {
  server = await serve()
  browser = await launch()
  ada = await Person.open(browser, server.url)
  ben = await Person.open(browser, server.url)
})

after(async () => {
  await browser?.close()
  await server?.stop()
})

test('two people sign up and land in general', async () => {
  await ada.signUp('ada', 'Ada Ek')
  await ben.signUp('ben', 'Ben Okoro')
  await ada.isIn('general')
  await ben.isIn('general')
})

test('what one writes the other sees, also after a reload', async () => {
  await ada.says('hello Ben')
  await ben.sees('hello Ben')
  await ben.page.reload()
  await ben.sees('hello Ben')
  await ben.says('hello Ada')
  await ada.sees('hello Ada')
  assert.deepEqual(await ada.texts(), ['hello Ben', 'hello Ada'])
  assert.deepEqual(await ben.texts(), ['hello Ben', 'hello Ada'])
})

test('who types is seen typing', async () => {
  await ben.page.getByLabel('Message', { exact: true }).pressSequentially('hm')
  await ada.page.getByText('Ben Okoro is typing').waitFor()
  await ben.page.getByLabel('Message', { exact: true }).fill('')
})

test('an own message can be edited and deleted, a stranger\'s cannot', async () => {
  await ada.says('a tpyo')
  const own = ada.message('a tpyo')
  await own.hover()
  await own.getByRole('button', { name: 'Edit' }).click()
  await ada.writes('a typo')
  await ben.sees('a typo')
  assert.equal(await ben.message('a typo').getByRole('button').count(), 0)

  await ada.message('a typo').hover()
  await ada.message('a typo').getByRole('button', { name: 'Delete' }).click()
  await ben.sees('Message deleted')
  assert.equal(await ben.message('a typo').count(), 0)
  await ben.page.reload()
  await ben.sees('Message deleted')
  assert.equal(await ben.message('a typo').count(), 0)
})

test('a channel is made by one and joined by the other', async () => {
  await ada.finds('gardening', '# gardening', 'Create')
  await ada.isIn('gardening')
  await ada.says('who has seeds?')
  await ben.finds('garden', '# gardening', 'Join')
  await ben.isIn('gardening')
  await ben.sees('who has seeds?')
  await ben.says('I do')
  await ada.sees('I do')
})

test('a direct chat reaches the other, and counts as unread until it is opened', async () => {
  await ada.finds('@ben', '@ben', 'Write')
  await ada.isIn('Ben Okoro')
  await ada.says('just between us')
  await ben.page.getByRole('navigation').getByLabel('1 unread').waitFor()
  await ben.goesTo('Ada Ek')
  await ben.sees('just between us')
  await until('the count is gone', async () => await ben.page.getByLabel('1 unread').count() === 0)
  await ben.page.reload()
  await ben.sees('just between us')
  assert.equal(await ben.page.getByLabel('1 unread').count(), 0)
})

test('what is written while the server is dead arrives exactly once', async () => {
  await ada.goesTo('general')
  await ben.goesTo('general')
  await ada.says('before')
  await ben.sees('before')
  await server.kill()
  await ada.page.locator('#banner').waitFor()
  await ada.writes('written into the dark')
  await ada.writes('and one more')
  await until('both are shown, not yet acknowledged', async () => await ada.waiting() === 2)
  await server.run()
  for (const person of [ada, ben]) await person.sees('and one more')
  await until('all is acknowledged', async () => await ada.waiting() === 0)
  await ben.says('after')
  await ada.sees('after')
  for (const person of [ada, ben]) {
    const texts = await person.texts()
    assert.deepEqual(texts.slice(texts.indexOf('before')), ['before', 'written into the dark', 'and one more', 'after'], person.name)
  }
  await ben.page.reload()
  await ben.sees('after')
  const texts = await ben.texts()
  assert.deepEqual(texts.slice(texts.indexOf('before')), ['before', 'written into the dark', 'and one more', 'after'], 'after a reload')
})

test('older messages come when scrolling up', async () => {
  await ada.finds('long', '# long', 'Create')
  await ada.isIn('long')
  for (let i = 1; i <= 70; i++) await ada.writes(`line ${i}`)
  await until('70 lines are acknowledged', async () => await ada.waiting() === 0 && (await ada.texts()).length === 70)
  await ada.page.reload()
  await ada.sees('line 70')
  assert.equal(await ada.message('line 1').count(), 0, 'the oldest are not loaded at once')
  await until('the first line is there', async () => {
    await ada.page.locator('#log').evaluate(log => { log.scrollTop = 0 })
    return await ada.message('line 1').count() === 1
  })
  assert.deepEqual(await ada.texts(), Array.from({ length: 70 }, (_, i) => `line ${i + 1}`))
})

test('signing out ends it, signing in brings it back', async () => {
  await ben.page.getByRole('button', { name: 'Sign out' }).click()
  await ben.page.getByLabel('Username', { exact: true }).waitFor()
  assert.equal(await ben.page.evaluate(() => localStorage.length), 0)
  await ben.entersPassword('ben', 'not the password')
  await ben.page.getByRole('alert').filter({ hasText: /./ }).waitFor()
  await ben.entersPassword('ben', 'correct horse')
  await ben.isIn('general')
  await ben.sees('after')
})

// Signing up answers before the default rooms are joined: the page must not stay empty when they come later than the welcome.
test('a room that is left and joined elsewhere closes and opens by itself', async () => {
  eve = await Person.open(browser, server.url)
  await eve.signUp('eve', 'Eve Moreau')
  await eve.isIn('general')
  const { token, room } = await eve.page.evaluate(() => ({
    token: JSON.parse(localStorage.getItem('parley.session')).session.access_token, room: location.hash.slice(1),
  }))
  const ask = what => fetch(`${server.url}/v1/rooms/${room}/${what}`, { method: 'POST', headers: { Authorization: `Bearer ${token}` } })
  assert.equal((await ask('leave')).status, 204)
  await eve.isIn('Pick a conversation')
  assert.equal(await eve.page.getByRole('navigation').getByRole('link').count(), 0)
  assert.equal((await ask('join')).status, 200)
  await eve.isIn('general')
  await eve.sees('after')
})

test('the list of conversations tells the latest of each', async () => {
  const latest = eve.page.getByRole('navigation').getByRole('link', { name: 'general' })
  await ada.goesTo('general')
  await ada.says('tea is redy')
  await latest.getByText('Ada: tea is redy').waitFor()
  await ada.message('tea is redy').hover()
  await ada.message('tea is redy').getByRole('button', { name: 'Edit' }).click()
  await ada.writes('tea is ready')
  await latest.getByText('Ada: tea is ready').waitFor()
  await ada.message('tea is ready').hover()
  await ada.message('tea is ready').getByRole('button', { name: 'Delete' }).click()
  await until('nothing of it is left', async () => await eve.page.getByText('tea is').count() === 0)
})

test('no page had a fault', () => {
  assert.deepEqual([...ada.faults, ...ben.faults, ...eve.faults], [])
})
