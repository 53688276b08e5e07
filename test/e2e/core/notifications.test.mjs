// Notifications outside the page: when they come, what they say, where they lead, and when they go.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { launch, Person } from '../person.mjs'
import { serve } from '../server.mjs'

let server, browser, ada, ben, garden

before(async () => {
  server = await serve()
  browser = await launch()
  ada = await Person.arrive(browser, server, 'ada', 'Ada Ek', { permissions: ['notifications'] })
  ben = await Person.arrive(browser, server, 'ben', 'Ben Okoro')
  garden = await ben.member.makes('gardening')
  await ada.member.joins(garden)
  await ada.isIn('general')
  await ada.page.evaluate(() => navigator.serviceWorker.ready.then(() => {}))
})

after(async () => {
  await browser?.close()
  await server?.stop()
})

// shown is what is on somebody's screen.
const shown = person => person.page.evaluate(async () => {
  const all = await (await navigator.serviceWorker.ready).getNotifications()
  return all.map(({ title, body, data }) => ({ title, body, href: data.href }))
})
const shows = (person, what, ask) => person.until(what, async () => ask(await shown(person)))
const room = name => ben.member.room(name)

test('they come once they are turned on, say who and where, and go when the message is read', async () => {
  await ada.page.goto(`${server.url}/#/settings/notifications`)
  await ada.page.getByRole('checkbox', { name: /^Desktop notifications/ }).check()
  const { seq } = await ben.member.says(garden, 'the **beans** are up')
  await shows(ada, 'the beans are told of', all => all.length === 1)
  assert.deepEqual(await shown(ada), [{ title: 'Ben Okoro in gardening', body: 'the beans are up', href: `#/room/${garden.id}/at/${seq}` }])
  await ada.until('the title tells of it', async () => (await ada.page.title()).startsWith('• '))
  await ada.until('the icon tells of it', () => ada.page.evaluate(() => document.querySelector('link[rel="icon"]').href.endsWith('icon-unread.svg')))
  await ada.goesTo('gardening')
  await shows(ada, 'it is taken back', all => all.length === 0)
  await ada.until('the title is quiet', async () => (await ada.page.title()) === 'gardening – Parley')
})

test('a click leads to the message', async () => {
  await ada.goesTo('general')
  await ben.member.says(garden, 'and the peas')
  await shows(ada, 'the peas are told of', all => all.length === 1)
  const worker = ada.context.serviceWorkers()[0]
  await worker.evaluate(async () => {
    const [notification] = await self.registration.getNotifications()
    self.dispatchEvent(new NotificationEvent('notificationclick', { notification }))
  })
  await ada.isIn('gardening')
  await ada.sees('and the peas')
})

test('a room is as loud as one wants it to be', async () => {
  const details = await ada.opensPanel('Details')
  await details.getByRole('combobox', { name: 'Notify me about' }).selectOption('Mentions only')
  await ada.until('it is kept', async () => (await ada.member.room('gardening')).notify === 'mentions')
  await ada.goesTo('general')
  await ben.member.says(garden, 'nothing for ada')
  await ben.member.says(garden, '@ada the tomatoes')
  await shows(ada, 'the mention is told of', all => all.some(({ body }) => body === '@ada the tomatoes'))
  await ada.goesTo('gardening')
  await shows(ada, 'it is taken back', all => all.length === 0)
  await ada.roomMenu('Mute')
  await ada.until('it is kept', async () => (await ada.member.room('gardening')).muted)
  await ada.goesTo('general')
  await ben.member.says(garden, '@ada are you there?')
  const direct = await ben.member.writesTo(ada.member)
  await ben.member.says(direct, 'psst')
  await shows(ada, 'the direct message is told of', all => all.length > 0)
  assert.deepEqual((await shown(ada)).map(({ title, body }) => [title, body]), [['Ben Okoro', 'psst']])
})

test('of two tabs one tells, and a message that is read in the other is not told of', async () => {
  const other = ada.with(await ada.tab('/'))
  for (const { page } of [ada, other]) {
    await page.evaluate(() => {
      window.told = []
      const show = ServiceWorkerRegistration.prototype.showNotification
      ServiceWorkerRegistration.prototype.showNotification = function (title, options) {
        window.told.push(options.body)
        return show.call(this, title, options)
      }
    })
  }
  await other.goesTo('Ben Okoro')
  const direct = await room('Ada Ek')
  await ben.member.says(direct, 'read at once')
  await other.sees('read at once')
  await other.goesTo('general')
  await ben.member.says(direct, 'told of')
  await shows(ada, 'the second is told of', all => all.some(({ body }) => body === 'told of'))
  const told = [...await ada.page.evaluate(() => window.told), ...await other.page.evaluate(() => window.told)]
  assert.deepEqual(told, ['told of'])
})

test('no page had a fault, and none asked another server', () => {
  ada.isFaultless()
  ben.isFaultless()
})
