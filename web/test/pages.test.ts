import assert from 'node:assert/strict'
import { test } from 'node:test'
import { go, href, parse, route, type Route } from '../src/app/route.ts'
import { excerpt } from '../src/panel/excerpt.ts'
import { rank, score } from '../src/rooms/rank.ts'

test('every route is read back from its address', () => {
  const routes: Route[] = [
    { page: 'home' }, { page: 'home', panel: { kind: 'search' } }, { page: 'room', room: 'r-1' }, { page: 'room', room: 'r', at: 12 },
    { page: 'room', room: 'r', at: 12, panel: { kind: 'thread', root: 3 } }, { page: 'room', room: 'r', panel: { kind: 'members' } }, { page: 'room', room: 'a/b c', panel: { kind: 'details' } },
    { page: 'room', room: 'r', panel: { kind: 'search' } }, { page: 'browse' }, { page: 'settings' }, { page: 'settings', tab: 'sessions' }, { page: 'admin', tab: 'people' },
    { page: 'signin' }, { page: 'signup' }, { page: 'invite', code: 'x/y' },
  ]
  for (const route of routes) assert.deepEqual(parse(href(route)), route, href(route))
})

test('addresses that make no sense lead somewhere that does', () => {
  for (const hash of ['', '#', '#/', '#/nowhere', '#/room', '#/room/', '#/%E0%A4%A']) assert.deepEqual(parse(hash), { page: 'home' }, hash)
  assert.deepEqual(parse('#/room/r/at/x/thread/-3'), { page: 'room', room: 'r' })
  assert.deepEqual(parse('#/settings/nothing'), { page: 'settings' })
})

test('the app leads nobody on who has just gone elsewhere', () => {
  const place = { hash: '#/' }
  const history = { replaceState: (_state: unknown, _title: string, hash: string) => { place.hash = hash } }
  Object.assign(globalThis, { location: place, history })
  place.hash = '#/room/chosen' // the event of which has not come yet
  go({ page: 'room', room: 'first' }, { replace: true })
  assert.equal(place.hash, '#/room/chosen')
  assert.deepEqual(route.value, { page: 'home' })
  place.hash = ''
  go({ page: 'room', room: 'first' }, { replace: true })
  assert.equal(place.hash, '#/room/first')
  assert.deepEqual(route.value, { page: 'room', room: 'first' })
})

test('highlights mark what was found', () => {
  const text = 'Grüße aus Köln 🎂 cake'
  const place = (part: string): [number, number] => [text.indexOf(part), text.indexOf(part) + part.length]
  const parts = excerpt(text, [place('Köln'), place('cake')])
  assert.deepEqual(parts.filter(part => part.hit).map(part => part.text), ['Köln', 'cake'])
  assert.equal(parts.map(part => part.text).join(''), text)
})

test('an excerpt of a long text is around its first hit', () => {
  const text = `${'word '.repeat(200)}needle ${'more '.repeat(200)}`
  const start = text.indexOf('needle')
  const parts = excerpt(text, [[start, start + 6]])
  assert.equal(parts.find(part => part.hit)?.text, 'needle')
  assert.ok(parts.map(part => part.text).join('').length < 300)
  assert.equal(parts[0]?.text, '… ')
})

test('the switcher puts first what fits best, whatever the diacritics', () => {
  assert.deepEqual(rank('gen', ['agenda', 'the general', 'general', 'gen'], name => [name]), ['gen', 'general', 'the general', 'agenda'])
  assert.ok(score('koln', 'Köln') === 100)
  assert.equal(score('xyz', 'general'), 0)
  assert.ok(score('gnl', 'general') > 0)
  assert.deepEqual(rank('', ['b', 'a'], name => [name]), ['b', 'a'])
})
