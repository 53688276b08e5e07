// The server gets a newer app: the next load shows it, a page that is open goes on to work, and nothing old is shown again.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { cp, mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { launch, Person } from '../person.mjs'
import { Server } from '../server.mjs'

const dist = fileURLToPath(new URL('../../../web/dist', import.meta.url))
let folder, server, browser, ada

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'parley-e2e-upgrade-'))
  await cp(dist, join(folder, 'old'), { recursive: true })
  await cp(dist, join(folder, 'new'), { recursive: true })
  await renew(join(folder, 'new'))
  server = await Server.start('--web-root', join(folder, 'old'))
  browser = await launch()
  ada = await Person.arrive(browser, server, 'ada', 'Ada Ek')
})

after(async () => {
  await browser?.close()
  await server?.stop()
  await rm(folder, { recursive: true, force: true })
})

// renew does what another build does: every script and style has another name, and what refers to them another content.
async function renew(app) {
  const assets = join(app, '_parley')
  const files = (await readdir(assets)).filter(name => /-[\w-]{8}\.(js|css)$/.test(name))
  const names = new Map(files.map(name => [name, name.replace(/-[\w-]{8}\.(js|css)$/, `-${Buffer.from(name).toString('hex').slice(-16, -8)}.$1`)]))
  assert.equal(new Set(names.values()).size, names.size)
  const [, entry] = /src="\/_parley\/([^"]+)"/.exec(await readFile(join(app, 'index.html'), 'utf8'))
  const translate = text => [...names].reduce((now, [from, to]) => now.replaceAll(from, to), text)
  for (const [from, to] of names) {
    const text = translate(await readFile(join(assets, from), 'utf8'))
    await writeFile(join(assets, from), from === entry ? `${text};document.documentElement.dataset.build="new"` : text)
    await rename(join(assets, from), join(assets, to))
  }
  for (const name of ['index.html', 'sw.js']) {
    const text = translate(await readFile(join(app, name), 'utf8'))
    await writeFile(join(app, name), text.replace(/parley-\$\{`?"?[0-9a-f]{12}"?`?\}|parley-[0-9a-f]{12}/, 'parley-000000000000'))
  }
}

const build = person => person.page.evaluate(() => document.documentElement.dataset.build ?? 'old')

test('after an upgrade an open page goes on, is told, and the next load is the new app', async () => {
  await ada.isIn('general')
  await ada.until('the service worker is in charge', () => ada.page.evaluate(() => navigator.serviceWorker.controller !== null))
  assert.equal(await build(ada), 'old')
  await server.kill()
  server.flags = ['--web-root', join(folder, 'new')]
  await server.run()
  await ada.says('written in the old app, on the new server')
  await ada.page.getByText('A new version of Parley is here.').waitFor()
  assert.equal(await build(ada), 'old', 'nothing is loaded under anybody\'s hands')
  await ada.fromMe('Settings')
  await ada.page.getByRole('heading', { name: 'Settings' }).waitFor()
  await ada.page.goto(`${server.url}/#/`)
  await ada.isIn('general')
  await ada.reload()
  await ada.isIn('general')
  assert.equal(await build(ada), 'new')
  await ada.sees('written in the old app, on the new server')
})

test('a first load after an upgrade is the new app, also when the worker of the old one has not noticed', async () => {
  const ben = await Person.arrive(browser, server, 'ben', 'Ben Okoro')
  await ben.isIn('general')
  await ben.until('the service worker is in charge', () => ben.page.evaluate(() => navigator.serviceWorker.controller !== null))
  await ben.page.goto('about:blank')
  await server.kill()
  server.flags = ['--web-root', join(folder, 'old')] // a way back is an upgrade too
  await server.run()
  await ben.page.goto(server.url)
  await ben.isIn('general')
  assert.equal(await build(ben), 'old')
  await ben.context.close()
})

test('offline, the newest app that was loaded opens', async () => {
  await ada.reload()
  await ada.isIn('general')
  assert.equal(await build(ada), 'old')
  await ada.until('the worker is of this app too', () => ada.page.evaluate(async () => {
    const found = await navigator.serviceWorker.getRegistration()
    return !found.installing && !found.waiting && found.active.state === 'activated' && (await caches.keys()).some(name => !name.includes('000000000000'))
  }))
  await server.kill()
  await ada.reload()
  await ada.sees('written in the old app, on the new server')
  assert.equal(await build(ada), 'old')
  await server.run()
  await ada.says('and on it goes')
})
