// People: each has a browser profile of their own and does what a person does, by the labels that a screen reader would say.
import { chromium } from 'playwright-core'
import { spawnSync } from 'node:child_process'
import { until } from './until.mjs'

const flags = ['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
  '--disable-component-update', '--disable-sync']

function browserPath() {
  for (const name of ['chromium', 'chromium-browser', 'google-chrome']) {
    const found = spawnSync('sh', ['-c', `command -v ${name}`], { encoding: 'utf8' }).stdout.trim()
    if (found) return found
  }
  throw new Error('there is no Chromium on this machine: run make setup')
}

// launch starts a browser with a fresh user data folder.
export const launch = () => chromium.launch({ executablePath: browserPath(), args: flags })

export class Person {
  // open shows the page to somebody new. Whatever goes wrong in the page is kept in faults.
  static async open(browser, url, options = {}) {
    const person = new Person()
    person.context = await browser.newContext({ locale: 'en-GB', ...options })
    person.page = await person.context.newPage()
    person.page.setDefaultTimeout(20_000)
    person.faults = []
    person.page.on('pageerror', error => person.faults.push(String(error)))
    person.page.on('dialog', dialog => {
      if (dialog.type() !== 'confirm') person.faults.push(`a dialog: ${dialog.message()}`)
      return dialog.accept()
    })
    await person.page.goto(url)
    return person
  }

  async signUp(username, name = username, password = 'correct horse') {
    this.name = name
    await this.page.getByRole('button', { name: 'New here?' }).click()
    await this.page.getByLabel('Username', { exact: true }).fill(username)
    await this.page.getByLabel('Your name').fill(name)
    await this.page.getByLabel('Password').fill(password)
    await this.page.getByRole('button', { name: 'Create account' }).click()
    await this.page.locator('#chat').waitFor()
  }

  async entersPassword(username, password) {
    await this.page.getByLabel('Username', { exact: true }).fill(username)
    await this.page.getByLabel('Password').fill(password)
    await this.page.getByRole('button', { name: 'Sign in' }).click()
  }

  // isIn waits until the conversation of that name is the one that is open.
  isIn(room) {
    return this.page.getByRole('heading', { level: 2, name: room, exact: true }).waitFor()
  }

  async goesTo(room) {
    await this.page.getByRole('navigation').getByRole('link', { name: room }).click()
    await this.isIn(room)
  }

  async writes(text) {
    await this.page.getByLabel('Message', { exact: true }).fill(text)
    await this.page.keyboard.press('Enter')
  }

  // says writes and waits until the server has acknowledged it.
  async says(text) {
    await this.writes(text)
    await this.sees(text)
    await until(`${this.name}'s "${text}" is acknowledged`, async () => await this.waiting() === 0)
  }

  // waiting counts the messages that have no acknowledgement yet.
  waiting() {
    return this.page.locator('#log li.waiting').count()
  }

  message(text) {
    return this.page.locator('#log li').filter({ has: this.page.locator('article > p').getByText(text, { exact: true }) })
  }

  sees(text) {
    return this.message(text).first().waitFor()
  }

  // texts are all messages of the open conversation, in the order shown.
  texts() {
    return this.page.locator('#log article > p').allTextContents()
  }

  // finds opens the dialog for a new chat, searches and presses the button of the line that fits.
  async finds(query, line, button) {
    await this.page.getByRole('button', { name: 'New chat' }).click()
    await this.page.getByLabel('A channel, or @').fill(query)
    await this.page.locator('#found li').filter({ hasText: line }).getByRole('button', { name: button }).click()
  }
}
