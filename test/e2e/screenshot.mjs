// Makes docs/screenshot.png and docs/screenshot-dark.png: a conversation in a fresh server, seen by one of the people in it.
import { mkdir } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { launch, Person } from './person.mjs'
import { serve } from './server.mjs'
import { until } from './until.mjs'

const docs = process.argv[2] ?? fileURLToPath(new URL('../../docs', import.meta.url))
const password = 'correct horse'

// Member is somebody who talks without a browser.
class Member {
  static async signUp(server, username, name) {
    const member = new Member()
    member.server = server
    const { session, user } = await member.ask('POST', '/v1/accounts', { username, password, display_name: name })
    return Object.assign(member, { token: session.access_token, user })
  }

  async ask(method, path, body) {
    const headers = { 'Content-Type': 'application/json', ...(this.token && { Authorization: `Bearer ${this.token}` }) }
    const answer = await fetch(this.server.url + path, { method, headers, body: body && JSON.stringify(body) })
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${await answer.text()}`)
    return answer.status === 204 ? null : answer.json()
  }

  makes(name, topic) {
    return this.ask('POST', '/v1/rooms', { kind: 'channel', name, topic })
  }

  joins(room) {
    return this.ask('POST', `/v1/rooms/${room.id}/join`)
  }

  async rooms() {
    return (await this.ask('GET', '/v1/rooms')).rooms
  }

  writesTo(other) {
    return this.ask('POST', '/v1/rooms', { kind: 'direct', members: [other.user.id] })
  }

  // says writes, and has read what it wrote.
  async says(room, text) {
    const { seq } = await this.ask('POST', `/v1/rooms/${room.id}/messages`, { text })
    await this.ask('POST', `/v1/rooms/${room.id}/read`, { seq })
  }
}

// talk fills the server; the last conversation in it is the one that will be open.
async function talk(server) {
  const mei = await Member.signUp(server, 'mei', 'Mei Tanaka')
  const ben = await Member.signUp(server, 'ben', 'Ben Okoro')
  const jonas = await Member.signUp(server, 'jonas', 'Jonas Weber')
  const ada = await Member.signUp(server, 'ada', 'Ada Ek')

  const music = await ben.makes('music', 'What are you listening to?')
  const garden = await jonas.makes('rooftop garden', 'Water on Mondays and Thursdays')
  const launchRoom = await mei.makes('launch', 'Thursday, 10:00. Checklist first, cake after.')
  for (const member of [ben, jonas, ada]) await member.joins(launchRoom)
  for (const room of [music, garden]) await ada.joins(room)

  const general = (await ada.rooms()).find(room => room.name === 'general')
  await mei.says(general, 'Welcome, everybody! Ask anything, there are no silly questions.')
  await jonas.says(garden, 'The first tomatoes are red.')
  await ada.says(garden, 'I will bring bread.')
  await ben.says(music, 'Found the record you hummed on Monday.')
  await ben.says(music, 'It was on the B side all along.')
  await ada.says(await mei.writesTo(ada), 'See you at the station, then.')
  await jonas.says(await jonas.writesTo(ada), 'Are you free at three?')

  await jonas.says(launchRoom, 'The new sign-up page is live on staging. Please try to break it.')
  await ada.says(launchRoom, 'Signed up as <b>ada</b> and it called me exactly that. Well done.')
  await mei.says(launchRoom, 'Good morning! Last round before Thursday: what is still open?')
  await ben.says(launchRoom, 'The slow search is fixed, an index was missing. It is on staging since last night.')
  await ben.says(launchRoom, 'The load test runs now, numbers before lunch.')
  await jonas.says(launchRoom, 'Translations are in, except for Dutch. Tonight.')
  await ada.says(launchRoom, 'The guide is ready to read. I would love a pair of fresh eyes on the part about backups.')
  await mei.says(launchRoom, 'I can do that after lunch, @ada.')
  await ada.says(launchRoom, 'Perfect, thank you!')
  await mei.says(launchRoom, 'Then all we need is the cake.')
}

const server = await serve()
const browser = await launch()
try {
  await talk(server)
  const mei = await Person.open(browser, server.url)
  await mei.entersPassword('mei', password)
  await mei.goesTo('launch')
  await mkdir(docs, { recursive: true })
  for (const [colorScheme, file] of [['light', 'screenshot.png'], ['dark', 'screenshot-dark.png']]) {
    const ada = await Person.open(browser, server.url, { colorScheme, viewport: { width: 1180, height: 780 }, deviceScaleFactor: 2 })
    await ada.entersPassword('ada', password)
    await ada.goesTo('launch')
    await ada.sees('Then all we need is the cake.')
    await ada.page.getByText('Jonas Weber').first().waitFor()
    await until('Mei is seen typing', async () => {
      await mei.page.getByLabel('Message', { exact: true }).pressSequentially('…')
      return await ada.page.getByText('is typing').count() > 0
    })
    await ada.page.screenshot({ path: `${docs}/${file}` })
    await ada.context.close()
    console.log(`${docs}/${file}`)
  }
} finally {
  await browser.close()
  await server.stop()
}
