import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { gemoji } from 'gemoji'
import { createServer } from 'vite'
import type * as Data from '../src/emoji/data'

const vite = await createServer({ configFile: new URL('../vite.config.ts', import.meta.url).pathname, server: { middlewareMode: true, hmr: false, ws: false, watch: null }, appType: 'custom', logLevel: 'error' })
const { find, groups, withEmoji } = await vite.ssrLoadModule('/src/emoji/data.ts') as typeof Data
after(() => vite.close())

test('the packed list has every emoji with its codes', async () => {
  const all = (await groups()).flat()
  assert.deepEqual(all.map(e => [e.emoji, e.codes]), gemoji.map(e => [e.emoji, e.names]))
})

test('each word of the list finds its emoji', async () => {
  for (const { emoji, names, tags } of gemoji) {
    for (const word of [...names, ...tags]) {
      const found = await find(word, Infinity)
      assert.ok(found.some(e => e.emoji === emoji), `${word} does not find ${emoji}`)
    }
  }
})

test('what begins with the word comes first, the shortest code before the longer', async () => {
  const found = await find('heart')
  assert.deepEqual(found.slice(0, 2).map(e => e.emoji), ['❤️', '♥️'])
  assert.equal(found.length, 8)
  assert.deepEqual(await find('xyzzy'), [])
})

test('codes become emoji, but not in code and not in addresses', async () => {
  await groups()
  assert.equal(withEmoji('good :+1: and :tada::tada:'), 'good 👍 and 🎉🎉')
  assert.equal(withEmoji('`:+1:` and ```\n:+1:\n``` stay'), '`:+1:` and ```\n:+1:\n``` stay')
  assert.equal(withEmoji('at 10:30:15 in :nowhere:'), 'at 10:30:15 in :nowhere:')
})
