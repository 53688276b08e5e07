// Every page that there is: how one gets there, whether axe finds anything serious on it, and a picture of it.
import { mkdir } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { Person, phone } from './person.mjs'

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')
const screens = fileURLToPath(new URL('../../build/e2e/screens', import.meta.url))

// check says what axe finds serious or critical on the page, in words that tell where.
async function check(page) {
  await page.evaluate(axe)
  const { violations } = await page.evaluate(() => axe.run(document, { resultTypes: ['violations'] }))
  return violations.filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .flatMap(({ id, help, nodes }) => nodes.map(node => `${id} (${help}): ${node.html.slice(0, 200)} ${node.any[0]?.message ?? ''}`))
}

const heading = name => page => page.getByRole('heading', { name, exact: true }).first().waitFor()

/** Pages for somebody who is not signed in: name, address, what is there when it is. */
const outside = [
  ['signin', '#/signin', heading('Welcome back')],
  ['signup', '#/signup', heading('Welcome to Parley')],
]

const room = scene => `#/room/${scene.launch.id}`
const cake = page => page.getByRole('log').getByText(/Then all we need is the cake/).first().waitFor()
/** Pages for the owner: name, address, what is there when it is, and what else is done to get there. */
const inside = scene => [
  ['room', room(scene), cake],
  ['thread', `${room(scene)}/thread/${scene.thread}`, page => page.getByText('It did not even sweat.').last().waitFor()],
  ['members', `${room(scene)}/members`, page => page.getByRole('complementary').getByText('Jonas Weber').waitFor()],
  ['details', `${room(scene)}/details`, page => page.getByRole('button', { name: 'Change name and topic' }).waitFor()],
  ['search', `${room(scene)}/search`, page => page.getByRole('searchbox', { name: 'Search messages' }).fill('staging').then(() => page.getByRole('list', { name: 'Search results' }).waitFor())],
  ['message-menu', room(scene), cake, page => page.getByRole('main').getByRole('article').last().click({ button: 'right', position: { x: 200, y: 8 } }).then(() => page.getByRole('menu').waitFor())],
  ['emoji', room(scene), cake, page => page.getByRole('main').getByRole('button', { name: 'Emoji' }).click().then(() => page.getByRole('dialog', { name: 'Emoji' }).getByRole('button', { name: 'grinning', exact: true }).first().waitFor())],
  ['confirm', `${room(scene)}/details`, heading('Details'), page => page.getByRole('button', { name: 'Archive' }).click().then(() => page.getByRole('alertdialog').waitFor())],
  ['profile', room(scene), cake, page => page.getByRole('main').getByRole('article').getByRole('button', { name: 'Ada Ek' }).last().click().then(() => page.getByRole('dialog', { name: 'Profile' }).waitFor())],
  ['switcher', room(scene), cake, page => page.keyboard.press('Control+k').then(() => page.getByRole('dialog', { name: 'Go to' }).getByRole('option').first().waitFor())],
  ['shortcuts', room(scene), cake, page => page.keyboard.press('Control+/').then(() => page.getByRole('dialog', { name: 'Keyboard shortcuts' }).waitFor())],
  ['new', '#/browse', page => page.getByRole('button', { name: 'Open launch' }).waitFor(), page => page.getByRole('main').getByRole('button', { name: 'Channel', exact: true }).click().then(() => page.getByRole('dialog', { name: 'New conversation' }).waitFor())],
  ['browse', '#/browse', page => page.getByRole('button', { name: 'Open launch' }).waitFor()],
  ['list', '#/', page => page.getByRole('navigation', { name: 'Conversations' }).or(page.getByRole('main', { name: 'launch' })).first().waitFor()],
  ...['profile', 'appearance', 'notifications', 'sessions', 'account'].map(tab => [`settings-${tab}`, `#/settings/${tab}`, page => page.getByRole('main').locator('.column > *').first().waitFor()]),
  ...['overview', 'people', 'rooms', 'invites'].map(tab => [`admin-${tab}`, `#/admin/${tab}`, page => page.getByRole('main').locator('.column > *').first().waitFor()]),
]

/** The windows that pages are looked at in. */
export const desktop = { viewport: { width: 1280, height: 800 } }
export const windows = { desktop, phone }

// look walks through all pages in one colour scheme and window. It keeps a picture of each and returns what is wrong, page by page.
export async function look(browser, server, scene, colorScheme, size) {
  await mkdir(screens, { recursive: true })
  const wrong = {}
  const options = { ...windows[size], colorScheme, reducedMotion: 'reduce' }
  const visit = async (person, [name, hash, there, then]) => {
    const { page } = person
    await page.goto('about:blank') // so that nothing of the page before is left
    await page.goto(`${server.url}/${hash}`)
    try {
      await there(page)
      await then?.(page)
      await person.until('nothing is loading', async () => await page.locator('.spinner, .skeleton').count() === 0)
    } catch (cause) {
      await page.screenshot({ path: `${screens}/failed-${name}-${colorScheme}-${size}.png` })
      throw new Error(`${name} did not come; it says:\n${await page.locator('body').innerText()}`, { cause })
    }
    await page.screenshot({ path: `${screens}/${name}-${colorScheme}-${size}.png` })
    const found = await check(page)
    const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth)
    if (wide > 0) found.push(`it is ${wide} px wider than the window`)
    if (found.length > 0) wrong[name] = found
  }
  const stranger = await Person.open(browser, server.url, options)
  for (const page of outside) await visit(stranger, page)
  await stranger.context.close()
  const mei = await Person.as(browser, server, scene.mei, options)
  for (const page of inside(scene)) await visit(mei, page)
  for (const person of [stranger, mei]) person.isFaultless()
  await mei.context.close()
  return wrong
}
