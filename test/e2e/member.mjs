// Somebody who talks without a browser: for what has to be there before a test begins, and for asking the server what is true.
export const password = 'correct horse'

export class Member {
  static async signUp(server, username, name = username) {
    const member = new Member()
    member.server = server
    member.name = name
    member.take(await member.ask('POST', '/v1/accounts', { username, password, display_name: name, device: 'Test' }))
    return member
  }

  static async signIn(server, username, secret = password) {
    const member = new Member()
    member.server = server
    member.take(await member.ask('POST', '/v1/sessions', { username, password: secret, device: 'Test' }))
    return member
  }

  take(signedIn) {
    Object.assign(this, { signedIn, token: signedIn.session.access_token, user: signedIn.user })
  }

  // ask makes a call, and waits where the server asks for patience. Whatever else is refused is an error with its status.
  async ask(method, path, body) {
    const headers = { ...(body && { 'Content-Type': 'application/json' }), ...(this.token && { Authorization: `Bearer ${this.token}` }) }
    for (;;) {
      const answer = await fetch(this.server.url + path, { method, headers, body: body && JSON.stringify(body) })
      if (answer.status === 429) {
        await new Promise(resolve => setTimeout(resolve, Number(answer.headers.get('Retry-After') ?? 1) * 1000))
        continue
      }
      if (!answer.ok) throw Object.assign(new Error(`${method} ${path}: ${answer.status} ${await answer.text()}`), { status: answer.status })
      return answer.status === 204 ? null : answer.json()
    }
  }

  makes(name, more = {}) {
    return this.ask('POST', '/v1/rooms', { kind: 'channel', name, ...more })
  }

  joins(room) {
    return this.ask('POST', `/v1/rooms/${room.id}/join`)
  }

  writesTo(other) {
    return this.ask('POST', '/v1/rooms', { kind: 'direct', members: [other.user.id] })
  }

  async room(name) {
    const found = (await this.ask('GET', '/v1/rooms?limit=200')).rooms.find(room => room.name === name || room.peer?.display_name === name)
    if (!found) throw new Error(`${this.name} is in no room called ${name}`)
    return found
  }

  // says writes, and has read what it wrote.
  async says(room, text, more = {}) {
    const event = await this.ask('POST', `/v1/rooms/${room.id}/messages`, { text, ...more })
    await this.ask('POST', `/v1/rooms/${room.id}/read`, { seq: event.seq })
    return event
  }

  // history is every message of a room as the server has it, in order.
  async history(room) {
    const all = []
    for (let after = 1; ;) { // a room begins with the event that made it
      const page = await this.ask('GET', `/v1/rooms/${room.id}/messages?after=${after}&limit=200`)
      all.push(...page.messages)
      if (!page.has_more || page.messages.length === 0) return all
      after = page.messages.at(-1).seq
    }
  }
}
