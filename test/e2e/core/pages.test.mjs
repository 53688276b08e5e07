// Every page, with a mouse in the light and on a phone in the dark: nothing serious for axe, nothing cut off. Pictures are in build/e2e/screens.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { look } from '../pages.mjs'
import { launch } from '../person.mjs'
import { talk } from '../scene.mjs'
import { serve } from '../server.mjs'

let server, browser, scene

before(async () => {
  server = await serve()
  browser = await launch()
  scene = await talk(server)
})

after(async () => {
  await browser?.close()
  await server?.stop()
})

test('light, on a desktop', async () => assert.deepEqual(await look(browser, server, scene, 'light', 'desktop'), {}))
test('dark, on a phone', async () => assert.deepEqual(await look(browser, server, scene, 'dark', 'phone'), {}))
