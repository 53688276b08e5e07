// Makes docs/screenshot.png and docs/screenshot-dark.png: a conversation in a fresh server, seen by one of the people in it.
// After `make build` and `make setup`: node test/e2e/screenshot.mjs
import { mkdir } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { launch, Person } from './person.mjs'
import { talk } from './scene.mjs'
import { serve } from './server.mjs'

const docs = process.argv[2] ?? fileURLToPath(new URL('../../docs', import.meta.url))
const server = await serve()
const browser = await launch()
try {
  const { mei, ada } = await talk(server)
  const typist = await Person.as(browser, server, mei)
  await typist.goesTo('launch')
  await mkdir(docs, { recursive: true })
  for (const [colorScheme, file] of [['light', 'screenshot.png'], ['dark', 'screenshot-dark.png']]) {
    const viewer = await Person.as(browser, server, ada, { colorScheme, viewport: { width: 1280, height: 800 }, deviceScaleFactor: 2 })
    await viewer.goesTo('launch')
    await viewer.sees(/Then all we need is the cake/)
    await viewer.until('nobody is unknown', async () => await viewer.page.getByText('…', { exact: true }).count() === 0)
    await viewer.until('Mei is seen typing', async () => {
      await typist.composer.pressSequentially('…')
      return await viewer.page.getByText('Mei Tanaka is typing').count() > 0
    })
    await viewer.page.screenshot({ path: `${docs}/${file}` })
    await viewer.context.close()
    console.log(`${docs}/${file}`)
  }
} finally {
  await browser.close()
  await server.stop()
}
