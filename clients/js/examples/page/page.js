// A chat in a page without a build step. The server is the `server` of the query, or where the page comes from.
import { Client, defaultSessions, ParleyError, signIn, signUp } from '@parley/client'

const url = new URLSearchParams(location.search).get('server') ?? location.origin
const sessions = defaultSessions()

/** @template {Element} E @param {string} selector @param {new () => E} kind @returns {E} */
function find(selector, kind) {
  const element = document.querySelector(selector)
  if (!(element instanceof kind)) throw new Error(`there is no ${selector}`)
  return element
}

const door = find('#door', HTMLFormElement)
const chat = find('#chat', HTMLElement)
const select = find('select', HTMLSelectElement)
const list = find('ol', HTMLOListElement)

door.addEventListener('submit', async event => {
  event.preventDefault()
  const fields = new FormData(door, event.submitter)
  const who = { username: String(fields.get('username')), password: String(fields.get('password')), device: 'example page' }
  try {
    enter(await (fields.get('way') === 'up' ? signUp : signIn)(url, who))
  } catch (refusal) {
    find('[role=alert]', HTMLElement).textContent = refusal instanceof ParleyError ? refusal.detail : String(refusal)
  }
})

/** @param {import('@parley/client').StoredSession} session */
function enter(session) {
  const client = new Client({ url, session, sessions })
  /** @type {import('@parley/client').Room | undefined} */
  let room
  let leave = () => {}

  /** Shows a room: subscribe, load, and show again whenever something changes. @param {string} id */
  function show(id) {
    leave()
    room = client.rooms.get(id)
    if (!room) return
    const { timeline } = room
    const stops = [timeline.subscribe(draw), room.subscribe(draw)]
    leave = () => stops.forEach(stop => stop())
    void timeline.load()
    draw()
  }

  function draw() {
    if (!room) return
    list.replaceChildren(...room.timeline.items.map(item => {
      const line = document.createElement('li')
      const author = client.users.get(item.by)?.display_name ?? '…'
      line.textContent = item.kind === 'message' ? `${author}: ${item.deleted ? '(deleted)' : item.text}` : `(${author}: ${item.event.kind} ${item.event.body.op})`
      if (item.kind === 'message') line.className = item.state
      return line
    }))
    list.lastElementChild?.scrollIntoView()
    find('#typing', HTMLElement).textContent = room.typing.map(id => client.users.get(id)?.display_name).join(', ') + (room.typing.length ? ' …' : '')
    room.markRead()
  }

  function drawRooms() {
    select.replaceChildren(...client.rooms.all.map(({ id, name, unread }) => new Option(unread ? `${name} (${unread})` : name, id, false, id === room?.id)))
    if (!room && client.rooms.all[0]) show(client.rooms.all[0].id)
  }

  client.rooms.subscribe(drawRooms)
  client.users.subscribe(draw)
  client.connection.subscribe(() => {
    const { state } = client.connection
    find('#state', HTMLElement).textContent = 'reason' in state ? `${state.phase}: ${state.reason.text}` : state.phase
  })
  client.on('ended', () => location.reload())
  select.addEventListener('change', () => show(select.value))
  find('#out', HTMLButtonElement).addEventListener('click', () => void client.signOut())
  const say = find('#say', HTMLFormElement)
  say.addEventListener('input', () => room?.setTyping(true))
  say.addEventListener('submit', event => {
    event.preventDefault()
    const text = String(new FormData(say).get('text')).trim()
    if (text) room?.send(text)
    say.reset()
  })

  door.hidden = true
  chat.hidden = false
  client.connect()
}

const stored = await sessions.load()
if (stored) enter(stored)
