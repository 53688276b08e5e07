import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { test } from 'node:test'
import { de } from '../src/i18n/de'
import { en, type Key, type Text } from '../src/i18n/en'

const keys = Object.keys(en) as Key[]
const forms = (text: Text) => typeof text === 'string' ? [text] : Object.values(text)
const values = (text: Text) => [...new Set(forms(text).flatMap(form => form.match(/\{\w+\}/g) ?? []))].sort()
const sources = readdirSync(fileURLToPath(new URL('../src', import.meta.url)), { recursive: true }).map(String)
  .filter(name => /\.tsx?$/.test(name) && !/^i18n.(en|de)\.ts$/.test(name)).map(name => readFileSync(join(fileURLToPath(new URL('../src', import.meta.url)), name), 'utf8')).join('\n')

test('both languages have the same keys, in the order of the alphabet', () => {
  assert.deepEqual(Object.keys(de), keys)
  assert.deepEqual(keys, [...keys].sort())
})

test('a text has the same values to put in, and plural forms where the other has them', () => {
  for (const key of keys) {
    assert.deepEqual(values(de[key]), values(en[key]), key)
    assert.equal(typeof de[key], typeof en[key], key)
  }
})

test('a text with plural forms counts', () => {
  for (const text of [en, de]) for (const key of keys) if (typeof text[key] !== 'string') assert.ok(values(text[key]).includes('{count}') || key === 'typing', key)
})

test('no text is empty, or has blanks around it', () => {
  for (const text of [en, de]) for (const key of keys) for (const form of forms(text[key])) assert.match(form, /^\S(.*\S)?$/s, key)
})

test('every text is used', () => {
  const quoted = new Set(sources.match(/(?<=['"`])[a-z_]+(?:\.[a-z_]+)*(?=['"`])/g))
  const made = [...new Set(sources.match(/(?<=`)[a-z_.]+\.(?=\$\{)/g))]
  const unused = keys.filter(key => !quoted.has(key) && !made.some(start => key.startsWith(start)))
  assert.deepEqual(unused, [])
})

test('no element bears a text of its own', () => {
  const labels = sources.match(/(?:aria-label|title|placeholder|alt)="[^"]+"/g) ?? []
  assert.deepEqual(labels, [])
})
