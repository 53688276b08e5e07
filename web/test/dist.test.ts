import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { test } from 'node:test'

const dist = fileURLToPath(new URL('../dist', import.meta.url))
const read = (name: string) => readFileSync(join(dist, name), 'utf8')

test('the service worker keeps every script and style of the build, and nothing that is not there', () => {
  const kept = [...read('sw.js').matchAll(/"(\/_parley\/[^"]+)"/g)].map(match => match[1]!.slice(1)).sort()
  const built = readdirSync(join(dist, '_parley')).filter(name => /\.(js|css)$/.test(name)).map(name => `_parley/${name}`).sort()
  assert.deepEqual(kept, built) // one file that is missing, and no browser would install it
})

test('what the page and the manifest refer to is there', () => {
  const named = [...`${read('index.html')} ${read('manifest.webmanifest')}`.matchAll(/"(\/(?:_parley\/|manifest)[^"]+)"/g)].map(match => match[1]!)
  assert.ok(named.length > 5)
  assert.deepEqual(named.filter(name => !existsSync(join(dist, name))), [])
})

test('the page has no inline script or style, and names no other origin', () => {
  const page = read('index.html')
  assert.doesNotMatch(page, /<script(?![^>]*\ssrc=)|<style|\sstyle=|\son\w+=|https?:\/\//)
})
