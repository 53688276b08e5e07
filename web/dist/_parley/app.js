// The conversations: what is known of each room, kept by number, and how it is shown. Texts only ever become text nodes.
import { api, enter, me, open, send, signOut, start } from './net.js'
const $ = id => document.getElementById(id), log = $('log'), BOX = 'parley.outbox', rooms = new Map(), people = new Map(), asked = new Set()
const make = (tag, props = {}, ...inside) => { const el = Object.assign(document.createElement(tag), props); el.append(...inside); return el }
const tell = text => { $('alert').textContent = text; clearTimeout(tell.timer); tell.timer = setTimeout(tell, 6000, '') }
const act = work => async (...args) => { try { return await work(...args) } catch (e) { tell(e.message) } }
let outbox = JSON.parse(sessionStorage.getItem(BOX) ?? '[]'), editing = null, drawing = 0, typed = 0, bottom = true
const here = () => rooms.get(location.hash.slice(1)), draw = () => { drawing ||= setTimeout(show, 16, 0) }
const keep = (box = outbox) => { sessionStorage.setItem(BOX, JSON.stringify(outbox = box)); draw() }
const drop = nonce => nonce && keep(outbox.filter(o => o.nonce !== nonce))
const who = id => people.get(id) ?? (setTimeout(meet, 0, asked.add(id)), { id, username: '…' })
const meet = act(async () => {
  const ids = [...asked].slice(0, 1000).filter(id => asked.delete(id))
  if (ids.length) for (const u of (await api('POST', '/v1/users/lookup', { ids })).users) draw(people.set(u.id, u))
})
const named = user => user.display_name || user.username
const title = r => r.kind !== 'direct' ? r.name || r.handle || 'Group' : !r.peer || r.peer.id === me().id ? 'Notes to self' : named(r.peer)
const octet = (x, i) => i < 6 ? Math.floor(Date.now() / 2 ** (40 - 8 * i)) % 256 : i === 6 ? x & 15 | 112 : i === 8 ? x & 63 | 128 : x
const uuid7 = () => Array.from(crypto.getRandomValues(new Uint8Array(16)), (x, i) => octet(x, i).toString(16).padStart(2, '0')).join('')
  .replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-')
const forget = (r, cursor) => { Object.assign(r, { cursor, messages: new Map(), changes: new Map(), first: 0, whole: false }); if (r === here()) history(r) }
function learn(fresh) { // a room that was not opened yet needs no catching up: its history is read when it is
  const r = rooms.get(fresh.id) ?? { unread: 0, typing: new Map() }
  if (!r.first && !r.loading) forget(r, fresh.head)
  if ('unread' in fresh) r.counted = fresh.head
  rooms.set(fresh.id, Object.assign(r, fresh))
}
const put = (r, m, e = r.changes.get(m.seq)) => // changes may be here before the message that they change
  r.messages.set(m.seq, Object.assign(m, e && (e.kind === 'delete' ? { deleted: true } : { text: e.body.text, edited_at: e.at })))
function apply(e) { // an event or an acknowledgement, at its place: what has this number or a higher one is already here
  const r = rooms.get(e.room)
  drop(e.nonce)
  if (!r || e.seq <= r.cursor) return
  r.cursor = e.seq
  if (e.kind === 'message') {
    put(r, { ...e.body, seq: e.seq, by: e.by, at: e.at })
    r.typing.delete(e.by)
    if (e.by !== me().id && !(e.seq <= r.counted)) r.unread++
  }
  if (e.kind === 'edit' || e.kind === 'delete') r.changes.set(e.target, e)
  if (e.kind === 'message' || (r.changes.has(e.target) && e.target === (r.last?.target ?? r.last?.seq))) r.last = e
  if (r.messages.has(e.target)) put(r, r.messages.get(e.target))
}
const hear = {
  welcome(f) { f.rooms.forEach(learn); outbox.forEach(o => { o.sent = false }); $('banner').hidden = true; flush(); settle() },
  event: f => apply(f.event), ack(f) { drop(f.ref); if (f.event) apply(f.event); flush() },
  error(f) { // what may have happened, or may happen later, is repeated with its nonce
    const o = outbox.find(o => o.nonce === f.ref), again = ['unavailable', 'internal', 'rate_limited'].includes(f.code)
    if (o && again) return setTimeout(() => { o.sent = false; flush() }, f.retry_after_ms ?? 1000)
    if (o) { $('text').value ||= o.text; drop(o.nonce); flush() }
    if (f.ref !== 'auth') tell(f.detail)
  },
  room: f => settle(learn(f.room)), user: f => people.set(f.user.id, f.user),
  room_gone(f) { rooms.delete(f.room); if (location.hash === '#' + f.room) location.hash = '' },
  truncated: f => forget(rooms.get(f.room), f.from - 1), reset: f => forget(rooms.get(f.room), 0),
  receipt(f) { const r = rooms.get(f.room); if (f.user === me().id && f.read >= r?.cursor) [r.read, r.unread] = [f.read, 0] },
  typing(f) { rooms.get(f.room)?.typing.set(f.user, f.on ? Date.now() + 6000 : 0); setTimeout(draw, 6100) },
}
function flush() { // the oldest unanswered message of each room; the next waits for its answer, so their order holds in any weather
  const oldest = new Map(outbox.toReversed().map(o => [o.room, o])).values()
  for (const o of oldest) o.sent ||= send({ type: 'send', ref: o.nonce, room: o.room, nonce: o.nonce, text: o.text })
  keep()
}
const history = act(async r => {
  if (r.loading || r.whole) return
  r.loading = true
  const page = await api('GET', `/v1/rooms/${r.id}/messages?limit=50${r.first ? `&before=${r.first}` : ''}`).finally(() => { r.loading = false })
  const below = log.scrollHeight - log.scrollTop
  for (const m of page.messages) put(r, m)
  ;[r.first, r.whole] = [page.messages[0]?.seq ?? 1, !page.has_more]
  show(r === here() && !bottom && below)
})
function settle() {
  if (!here() && rooms.size && matchMedia('(min-width: 700px)').matches) location.replace('#' + byTime()[0].id)
  else if (here() && !here().first) history(here())
  draw()
}
const arrive = () => settle([bottom, typed] = [true, 0], edit(null))
const go = act(async (...ask) => { const r = await api(...ask); $('find').close(learn(r)); location.hash = r.id })
function edit(m) {
  $('text').value = m?.text ?? here()?.draft ?? ''
  $('editing').hidden = !(editing = m)
  $('text').focus()
}
const write = act(async () => {
  const r = here(), m = editing, text = $('text').value.trim()
  if (!r || !text) return
  if (m) return edit(null), text === m.text || api('PATCH', `/v1/rooms/${r.id}/messages/${m.seq}`, { text })
  ;[$('text').value, r.draft, typed, bottom] = ['', '', 0, true]
  flush(outbox.push({ room: r.id, nonce: uuid7(), text, by: me().id, at: new Date().toISOString() }))
})
const search = act(async () => {
  const q = $('query').value.trim(), person = q[0] === '@', ask = encodeURIComponent(person ? q.slice(1) : q)
  const { users = [], rooms: open = [] } = await api('GET', person ? `/v1/users?query=${ask}` : `/v1/rooms?scope=public&query=${ask}`)
  const line = (text, label, ...args) => make('li', {}, make('span', { textContent: text }), make('button', { textContent: label, onclick: () => go(...args) }))
  if (q === $('query').value.trim()) $('found').replaceChildren(
    ...users.map(u => line(`${named(u)} @${u.username}`, 'Write', 'POST', '/v1/rooms', { kind: 'direct', members: [u.id] })),
    ...open.map(r => rooms.has(r.id) ? line('# ' + r.name, 'Open', 'GET', '/v1/rooms/' + r.id) : line('# ' + r.name, 'Join', 'POST', `/v1/rooms/${r.id}/join`)),
    ...(q && !person && !open.some(r => r.name === q) ? [line('# ' + q, 'Create', 'POST', '/v1/rooms', { kind: 'channel', name: q })] : []))
})
function sync(list, items) { // touches only the children whose facts changed: focus, selection and screen readers keep their place
  let [at, old] = [list.firstChild, list.shown]
  list.shown = new Map(items.map(([key, facts, build]) => [key, old?.get(key)?.facts === facts ? old.get(key) : { facts, el: build() }]))
  for (const { el } of list.shown.values()) if (el === at) at = at.nextSibling; else list.insertBefore(el, at)
  while (at) [at] = [at.nextSibling, at.remove()]
}
const face = (id, name) => make('span', { className: id ? `face hue${parseInt(id.slice(-4), 16) % 8}` : 'face', ariaHidden: 'true', textContent: [...name][0].toUpperCase() })
const byTime = () => [...rooms.values()].sort((a, b) => (a.last?.at ?? a.created_at) > (b.last?.at ?? b.created_at) ? -1 : 1)
const speaker = e => e.by === me().id ? 'You: ' : rooms.get(e.room).kind === 'direct' ? '' : named(who(e.by)).split(' ')[0] + ': '
const latest = r => r.last?.body.text ? speaker(r.last) + r.last.body.text.slice(0, 99) : r.topic
const roomItem = r => [r.id, JSON.stringify([title(r), latest(r), r.unread, r === here()]), () => {
  const count = r.unread ? [make('b', { textContent: r.unread, ariaLabel: `${r.unread} unread` })] : []
  const name = make('span', { textContent: title(r) }, make('small', { textContent: latest(r) })), direct = r.kind === 'direct'
  return make('li', {}, make('a', { href: '#' + r.id, ariaCurrent: `${r === here()}` }, face(direct && (r.peer ?? me()).id, direct ? title(r) : '#'), name, ...count))
}]
const date = m => new Date(m.at).toLocaleDateString([], { dateStyle: 'full' }), button = (label, onclick) => make('button', { textContent: label, onclick })
function messageItem(r, m, before) {
  const by = who(m.by), newDay = !before || date(before) !== date(m), joined = !newDay && before.by === m.by && Date.parse(m.at) - Date.parse(before.at) < 300_000
  const called = m.mentions?.map(id => '@' + who(id).username), part = t => called?.includes(t.toLowerCase()) ? make('strong', { textContent: t }) : t
  const state = !m.seq ? 'sending…' : m.edited_at && !m.deleted ? 'edited' : ''
  return [m.seq ?? m.nonce, JSON.stringify([named(by), m.text, m.deleted, called, state, newDay, joined]), () => {
    const time = make('time', { dateTime: m.at, textContent: new Date(m.at).toLocaleTimeString([], { timeStyle: 'short' }) })
    const head = joined ? [] : [face(by.id, named(by)), make('b', { textContent: named(by) }), time]
    const remove = act(() => confirm('Delete this message for everyone?') && api('DELETE', `/v1/rooms/${r.id}/messages/${m.seq}`))
    const tools = m.by !== me().id || !m.seq || m.deleted ? [] : [button('Edit', () => edit(m)), button('Delete', remove)]
    const body = [make('p', {}, ...m.deleted ? ['Message deleted'] : m.text.split(/(@\w[\w.-]*\w)/).map(part)), make('small', { textContent: state }), make('span', { className: 'tools' }, ...tools)]
    const kind = `${joined && 'joined'} ${m.deleted && 'deleted'} ${!m.seq && 'waiting'}`, day = newDay ? [make('h3', { textContent: date(m) })] : []
    return make('li', { className: kind }, ...day, make('article', {}, ...head, ...body))
  }]
}
function show(below) {
  drawing = clearTimeout(drawing)
  const r = here(), typing = [...r?.typing ?? []].filter(([user, until]) => until > Date.now() && user !== me().id).map(([user]) => named(who(user)))
  if (r && !document.hidden && bottom && r.cursor > (r.read ?? 0) && send({ type: 'read', room: r.id, seq: r.cursor })) [r.read, r.unread] = [r.cursor, 0]
  document.title = ([...rooms.values()].some(r => r.unread) ? '● ' : '') + 'Parley'
  document.body.classList.toggle('in', !($('room').inert = !r))
  $('name').textContent = r ? title(r) : 'Pick a conversation'
  $('about').textContent = !r ? '' : r.kind !== 'direct' ? [r.topic, `${r.member_count} member${r.member_count === 1 ? '' : 's'}`].filter(Boolean).join(' · ') : r.peer ? '@' + r.peer.username : ''
  $('typing').textContent = typing.length ? `${typing.join(', ')} ${typing.length > 1 ? 'are' : 'is'} typing…` : ''
  sync($('rooms'), byTime().map(roomItem))
  const all = r ? [...[...r.messages.values()].sort((a, b) => a.seq - b.seq), ...outbox.filter(o => o.room === r.id)] : []
  sync(log, all.map((m, i) => messageItem(r, m, all[i - 1])))
  if (bottom || below) log.scrollTop = log.scrollHeight - (below || 0)
}
function chat() {
  [$('entry').hidden, $('chat').hidden, $('self').textContent] = [true, false, named(me())]
  const [says, again] = $('banner').children
  $('self').before(face(me().id, named(me())))
  $('new').onclick = () => { $('query').value = ''; $('find').showModal(); search() }
  $('out').onclick = () => api('DELETE', '/v1/sessions/current').catch(() => {}).then(() => signOut())
  $('composer').onsubmit = e => write(e.preventDefault())
  $('text').oninput = e => {
    if (!editing) here().draft = e.target.value
    if (Date.now() - typed > 3000) typed = send({ type: 'typing', room: here().id, on: true }) ? Date.now() : 0
  }
  $('text').onkeydown = e => { if (e.key === 'Escape') edit(null); if (e.key === 'Enter' && !e.shiftKey && !e.isComposing) write(e.preventDefault()) }
  log.onscroll = () => { bottom = log.scrollHeight - log.scrollTop - log.clientHeight < 40; if (log.scrollTop < 200 && here()) history(here()); draw() }
  ;[window.onhashchange, document.onvisibilitychange, again.onclick, $('query').oninput] = [arrive, draw, open, search]
  const waiting = s => { says.textContent = s ? `No connection. Trying again in ${s} s.` : 'Connecting…'; $('banner').hidden = false; again.hidden = !s }
  start({ waiting, frame(f) { hear[f.type]?.(f); draw() }, cursors: () => Object.fromEntries([...rooms].filter(([, r]) => r.first || r.loading).map(([id, r]) => [id, r.cursor])) })
}
function sign(fresh) {
  const form = $('sign'), words = fresh ? ['Create account', 'I have an account'] : ['Sign in', 'New here? Create an account']
  ;[form.className, form.password.autocomplete] = fresh ? ['new', 'new-password'] : ['', 'current-password']
  ;[form.querySelector('.main').textContent, $('other').textContent, $('other').onclick] = [...words, () => sign(!fresh)]
  form.onsubmit = e => {
    e.preventDefault()
    const { username, password, display_name } = Object.fromEntries(new FormData(form))
    act(enter)(fresh ? '/v1/accounts' : '/v1/sessions', { username, password, ...(fresh && display_name && { display_name }) }).then(() => me() && chat())
  }
  ;[$('entry').hidden, $('reason').textContent] = [false, sessionStorage.getItem('parley.reason') ?? '']
}
if (me()) chat(); else sign(false)
