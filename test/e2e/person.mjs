// People: each has a browser profile of their own and does what a person does, by the names that a screen reader would say.
import assert from 'node:assert/strict'
import { chromium, devices } from 'playwright-core'
import { spawnSync } from 'node:child_process'
import { Member, password } from './member.mjs'
import { patience, until } from './until.mjs'

const flags = ['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
  '--disable-component-update', '--disable-sync']

function browserPath() {
  for (const name of ['chromium', 'chromium-browser', 'google-chrome']) {
    const found = spawnSync('sh', ['-c', `command -v ${name}`], { encoding: 'utf8' }).stdout.trim()
    if (found) return found
  }
  throw new Error('there is no Chromium on this machine: run make setup')
}

// launch starts a browser with a fresh user data folder; people are contexts in it.
export const launch = () => chromium.launch({ executablePath: browserPath(), args: flags })

/** A phone, as Chromium imitates one: its window, touch instead of a mouse, its name. */
export const phone = (({ defaultBrowserType, ...rest }) => rest)(devices['Pixel 7'])

/** What a browser says of a server that is away, or of an answer that is no success: tests bring both about. */
const expected = /^Failed to load resource|^WebSocket connection to .* failed|net::ERR_|^no service worker:/

const escaped = text => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')

export class Person {
  // open shows the page to somebody new. Whatever goes wrong in the page is kept in faults, whatever it asks of others in strangers.
  static async open(browser, url, options = {}) {
    const person = new Person()
    person.url = url
    person.faults = []
    person.strangers = []
    person.context = await browser.newContext({ locale: 'en-GB', permissions: ['clipboard-read', 'clipboard-write'], viewport: { width: 1280, height: 800 }, ...options })
    person.context.on('request', request => {
      const { protocol, origin } = new URL(request.url())
      if (protocol !== 'data:' && origin !== new URL(url).origin) person.strangers.push(request.url())
    })
    // A policy that had to stop something is a fault too: the page should not have tried.
    await person.context.exposeFunction('violated', what => person.faults.push(`policy: ${what}`))
    await person.context.addInitScript(() => addEventListener('securitypolicyviolation', e => violated(`${e.violatedDirective} ${e.blockedURI} ${e.sample}`)))
    person.page = await person.tab()
    return person
  }

  // arrive is the same for somebody who has an account and is signed in already.
  static async arrive(browser, server, username, name = username, options = {}) {
    const member = await Member.signUp(server, username, name)
    return Person.as(browser, server, member, options)
  }

  // as opens a browser in which the member is signed in.
  static async as(browser, server, member, options = {}) {
    const localStorage = [{ name: 'parley.session', value: JSON.stringify(member.signedIn) }]
    const person = await Person.open(browser, server.url, { storageState: { cookies: [], origins: [{ origin: server.url, localStorage }] }, ...options })
    person.name = member.name
    person.member = await Member.signIn(server, member.user.username)
    return person
  }

  // tab opens the page once more in this browser.
  async tab(path = '/') {
    const page = await this.context.newPage()
    page.setDefaultTimeout(patience)
    page.on('pageerror', error => this.faults.push(String(error.stack ?? error)))
    page.on('console', message => {
      if (message.type() === 'error' && !expected.test(message.text())) this.faults.push(`console: ${message.text()}`)
    })
    page.on('dialog', dialog => {
      this.faults.push(`a dialog: ${dialog.message()}`)
      return dialog.dismiss()
    })
    await page.goto(this.url + path)
    return page
  }

  // with is this person at another of their tabs.
  with(page) {
    return Object.assign(Object.create(Person.prototype), this, { page })
  }

  isFaultless() {
    assert.deepEqual(this.faults, [], `faults in ${this.name}'s page`)
    assert.deepEqual(this.strangers, [], `${this.name}'s page asked others`)
  }

  // field is what is filled in by that label; a hint may follow it.
  field(label, within = this.page) {
    return within.getByRole('textbox', { name: new RegExp(`^${escaped(label)}\\b`) })
  }

  // ---- coming and going

  async signUp(username, name = username, secret = password) {
    this.name = name
    await this.page.getByRole('button', { name: 'Create account' }).click()
    await this.fillsSignUp(username, name, secret)
    await this.composer.waitFor()
  }

  async fillsSignUp(username, name, secret = password) {
    await this.field('Your name').fill(name)
    await this.field('Username').fill(username)
    await this.page.getByLabel('Password', { exact: true }).fill(secret)
    await this.page.getByRole('button', { name: 'Create account' }).click()
  }

  async signIn(username, secret = password) {
    await this.field('Username').fill(username)
    await this.page.getByLabel('Password', { exact: true }).fill(secret)
    await this.page.getByRole('button', { name: 'Sign in' }).click()
  }

  async signOut() {
    await this.fromMe('Sign out')
    await this.page.getByRole('heading', { name: 'Welcome back' }).waitFor()
  }

  // fromMe chooses from the menu behind one's own name.
  async fromMe(item) {
    await this.page.getByRole('button', { name: 'You: status, settings, sign out' }).click()
    await this.chooses(item)
  }

  reload() {
    return this.page.reload()
  }

  // ---- rooms

  get list() {
    return this.page.getByRole('navigation', { name: 'Conversations' })
  }

  // link is a conversation in the list, or only if so much is unread in it as it says: '' for nothing.
  link(room, unread) {
    const link = this.list.getByRole('link').filter({ has: this.page.locator('.name').getByText(room, { exact: true }) })
    if (unread === undefined) return link
    return unread === '' ? link.filter({ hasNot: this.page.locator('.badge') }) : link.filter({ has: this.page.getByText(unread, { exact: true }) })
  }

  async goesTo(room) {
    await this.link(room).click()
    await this.isIn(room)
  }

  // isIn waits until the conversation of that name is the one that is open.
  isIn(room) {
    return this.page.getByRole('main', { name: room, exact: true }).waitFor()
  }

  get room() {
    return new URL(this.page.url()).hash.split('/')[2]
  }

  async opensPanel(name) {
    if (name === 'Members') await this.page.getByRole('main').getByRole('button', { name: /^\d+ members?$/ }).click()
    else if (name === 'Search') await this.page.getByRole('main').getByRole('button', { name: 'Search', exact: true }).click()
    else await this.page.getByRole('main').getByRole('button', { name: /: details$/ }).click()
    await this.panel(name).waitFor()
    return this.panel(name)
  }

  panel(name) {
    return this.page.getByRole('complementary', { name, exact: true })
  }

  // chooses takes an item of the menu that is open.
  async chooses(item) {
    const menu = this.page.getByRole('menu')
    await menu.getByRole('menuitem', { name: item, exact: true }).or(menu.getByRole('menuitemcheckbox', { name: item, exact: true })).click()
    await menu.waitFor({ state: 'detached' })
  }

  async roomMenu(item) {
    await this.page.getByRole('main').getByRole('button', { name: 'Room actions' }).click()
    await this.chooses(item)
  }

  // agrees answers the question that is asked before something that cannot be taken back.
  async agrees(action) {
    await this.page.getByRole('alertdialog').getByRole('button', { name: action, exact: true }).click()
    await this.page.getByRole('alertdialog').waitFor({ state: 'detached' })
  }

  // begins opens the dialog for a new conversation at a kind of it.
  async begins(kind) {
    await this.list.getByRole('button', { name: 'New conversation' }).click()
    const dialog = this.page.getByRole('dialog', { name: 'New conversation' })
    await dialog.getByRole('radio', { name: new RegExp(`^${kind}`) }).check({ force: true })
    return dialog
  }

  async makes(kind, name, { topic, members = [] } = {}) {
    const dialog = await this.begins(kind)
    await dialog.getByLabel('Name', { exact: true }).fill(name)
    if (topic) await dialog.getByLabel(/^Topic/).fill(topic)
    for (const member of members) await this.picks(dialog, member)
    await dialog.getByRole('button', { name: 'Create' }).click()
    await this.isIn(name)
  }

  // picks finds somebody by username in a list of people.
  async picks(place, username) {
    await place.getByRole('combobox', { name: 'Name or username' }).fill(username)
    await place.getByRole('option').filter({ hasText: `@${username}` }).click()
  }

  async writesTo(username, name) {
    await this.picks(await this.begins('Direct chat'), username)
    await this.isIn(name)
  }

  async joins(room) {
    await this.list.getByRole('link', { name: 'Browse channels' }).click()
    await this.page.getByRole('button', { name: `Join ${room}`, exact: true }).click()
    await this.isIn(room)
  }

  // ---- messages

  get composer() {
    return this.page.getByRole('main').getByRole('textbox', { name: /^(Message to|Edit message)/ })
  }

  get log() {
    return this.page.getByRole('main').getByRole('log')
  }

  async writes(text) {
    await this.composer.fill(text)
    await this.composer.press('Enter')
    await this.until('the composer is empty', async () => await this.composer.inputValue() === '')
  }

  // says writes and waits until the server has acknowledged it.
  async says(text) {
    await this.writes(text)
    await this.sees(text)
    await this.isSent()
  }

  isSent() {
    return this.until('all is acknowledged', async () => await this.waiting() === 0)
  }

  // waiting counts the messages that have no acknowledgement yet.
  waiting() {
    return this.page.getByRole('img', { name: 'Sending' }).count()
  }

  message(text, within = this.log) {
    return within.getByRole('article').filter({ has: this.page.locator('.text > *, .gone').getByText(text instanceof RegExp ? text : new RegExp(`^\\s*${escaped(text)}\\s*(\\(edited\\))?\\s*$`)) })
  }

  sees(text) {
    return this.message(text).first().waitFor()
  }

  async seesNot(text) {
    await this.until(`"${text}" is gone`, async () => await this.message(text).count() === 0)
  }

  // does chooses from all that can be done with a message.
  async does(text, action, within = this.log) {
    await this.message(text, within).hover()
    await this.message(text, within).getByRole('button', { name: 'More', exact: true }).click()
    await this.chooses(action)
  }

  // texts are the messages of the open conversation that are in the page, in the order shown.
  texts() {
    return this.log.evaluate(log => [...log.querySelectorAll('article')].map(article =>
      (article.querySelector('.text') ?? article.querySelector('.gone')).innerText.replace(/\s*\(edited\)$/, '').trim()))
  }

  // isLike waits until the conversation shows exactly what the server has in it, nothing lost, nothing twice and in its order.
  async isLike(member, room = this.room) {
    const wanted = (await member.history({ id: room })).map(message => message.deleted ? 'This message was deleted.' : message.text)
    let shown
    await this.until('the page shows what the server has', async () => {
      shown = await this.texts()
      return shown.length === wanted.length && shown.every((text, i) => text === wanted[i])
    }).catch(() => assert.deepEqual(shown, wanted, `what ${this.name} sees`))
    return wanted
  }

  until(what, ask, within) {
    return until(`${this.name}: ${what}`, ask, within)
  }

  toast(text) {
    return this.page.locator('.toasts').getByText(text).waitFor()
  }
}
