// Several tabs of one person, and sessions that are renewed or end.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { launch, Person } from '../person.mjs'
import { serve } from '../server.mjs'

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

test('two tabs share what they know, and when the one with the connection is closed the other takes over', async () => {
  const first = ada.page
  const other = ada.with(await ada.tab())
  await other.isIn('general')
  await ben.says('to both tabs')
  for (const tab of [ada, other]) await tab.sees('to both tabs')
  await other.says('from the second tab')
  await ada.sees('from the second tab')
  await other.writes('sent while the first tab closes')
  await first.close()
  await other.isSent()
  await ben.sees('sent while the first tab closes')
  await ben.says('to the tab that is left')
  await other.sees('to the tab that is left')
  await other.says('which can still speak')
  await ben.sees('which can still speak')
  for (const person of [other, ben]) {
    await person.isLike(ben.member)
    await person.reload()
    await person.sees('which can still speak')
    await person.isLike(ben.member)
  }
  ada.page = other.page
})

test('signing out in one tab ends it in the other', async () => {
  const eve = await Person.arrive(browser, server, 'eve', 'Eve Moreau')
  await eve.isIn('general')
  const other = eve.with(await eve.tab())
  await other.isIn('general')
  await eve.signOut()
  await other.page.getByRole('button', { name: 'Sign in' }).waitFor()
  eve.isFaultless()
  await eve.context.close()
})

test('an access token that runs out is renewed without a word', async () => {
  const eve = await Person.open(browser, server.url)
  await eve.page.clock.install()
  await eve.page.goto(server.url)
  await eve.signIn('eve')
  eve.name = 'Eve Moreau'
  await eve.isIn('general')
  await eve.sees('which can still speak')
  const token = () => eve.page.evaluate(() => JSON.parse(localStorage.getItem('parley.session')).session.access_token)
  const first = await token()
  await eve.page.clock.fastForward('15:30') // the server gives tokens for 15 minutes
  await eve.until('there is another token', async () => await token() !== first)
  await eve.writes('with a fresh token')
  await ben.sees('with a fresh token')
  await eve.page.evaluate(() => { // as if this browser's clock were wrong: the server refuses what it takes for good
    const kept = JSON.parse(localStorage.getItem('parley.session'))
    kept.session.access_token = kept.session.access_token.slice(0, -8) + 'AAAAAAAA'
    localStorage.setItem('parley.session', JSON.stringify(kept))
  })
  await eve.reload()
  await eve.says('with a refused token')
  await ben.sees('with a refused token')
  eve.isFaultless()
  await eve.context.close()
})

test('a session whose refresh token was stolen and used ends with a word, and signing in goes on', async () => {
  const finn = await Person.arrive(browser, server, 'finn', 'Finn Lund')
  await finn.isIn('general')
  const stolen = await finn.page.evaluate(() => JSON.parse(localStorage.getItem('parley.session')).session.refresh_token)
  await finn.member.ask('POST', '/v1/sessions/refresh', { refresh_token: stolen })
  await assert.rejects(finn.member.ask('POST', '/v1/sessions/refresh', { refresh_token: stolen }), { status: 401 })
  await finn.page.getByText('Your session has ended').waitFor()
  await finn.signIn('finn')
  await finn.isIn('general')
  await finn.says('back with a session of my own')
  await ben.sees('back with a session of my own')
  finn.isFaultless()
  await finn.context.close()
})

test('no page had a fault, and none asked another server', () => {
  for (const person of [ada, ben]) person.isFaultless()
})
