// Who is signed in on this browser, requests in their name, and the socket that comes back.
const KEY = 'parley.session', RETURN = [4401, 4408, 4429]
const stored = () => JSON.parse(localStorage.getItem(KEY))
let mine = stored(), refreshing = null, socket = null, live = false, heard = true, tries = 0, comeBackAfter = null, countdown = 0, on
addEventListener('storage', e => { if (e.key === KEY && !e.newValue !== !mine) location.reload() })
export const me = () => mine?.user
const expiring = () => Date.parse(mine.session.access_expires_at) - Date.now() < 120_000
const keep = answer => localStorage.setItem(KEY, JSON.stringify(mine = answer))
export const enter = async (path, body) => keep(await call('POST', path, body))
export function signOut(reason = '') {
  for (const storage of [localStorage, sessionStorage]) storage.clear()
  sessionStorage.setItem('parley.reason', reason)
  location.replace('/')
}
async function call(method, path, body, bearer) {
  const headers = { ...(body && { 'Content-Type': 'application/json' }), ...(bearer && { Authorization: `Bearer ${bearer}` }) }
  const answer = await fetch(path, { method, headers, body: body && JSON.stringify(body) }), result = await answer.json().catch(() => ({}))
  if (!answer.ok) throw Object.assign(new Error(result.detail || result.title || `The server said ${answer.status}`), { status: answer.status })
  return result
}
// A refresh token works once: one refresh at a time, in all tabs together, and who comes second takes what the first one got.
const alone = work => navigator.locks ? navigator.locks.request(KEY, work) : work()
const refresh = () => refreshing ??= alone(async () => {
  const other = stored()
  if (other && other.session.access_token !== mine.session.access_token) mine = other
  else keep(await call('POST', '/v1/sessions/refresh', { refresh_token: mine.session.refresh_token }))
}).catch(e => { if (e.status === 401) signOut('Your session has ended. Please sign in again.'); throw e }).finally(() => { refreshing = null })
export async function api(method, path, body) {
  if (expiring()) await refresh()
  const ask = () => call(method, path, body, mine.session.access_token)
  return ask().catch(e => { if (e.status === 401) return refresh().then(ask); throw e })
}
export function start(handlers) {
  on = handlers
  setInterval(beat, 25_000)
  addEventListener('online', () => countdown && open())
  open()
}
export const send = frame => live && (socket.send(JSON.stringify(frame)), true) // whether it left; before the welcome nothing does
export async function open() {
  countdown = clearInterval(countdown)
  on.waiting(0)
  try { if (expiring()) await refresh() } catch { return wait() }
  const opened = socket = new WebSocket(location.origin.replace(/^http/, 'ws') + '/v1/ws')
  heard = true
  opened.onopen = () => opened.send(JSON.stringify({ type: 'hello', token: mine.session.access_token, device: 'browser', cursors: on.cursors() }))
  opened.onmessage = ({ data }) => opened === socket && hear(JSON.parse(data))
  opened.onclose = ({ code }) => opened === socket && lost(code)
}
function hear(frame) {
  heard = true
  if (frame.type === 'bye') comeBackAfter = frame.reconnect_after_ms
  if (frame.type === 'welcome') [live, tries] = [true, 0]
  on.frame(frame)
}
function beat() {
  if (!socket) return
  if (!heard) return lost(1006)
  heard = false
  send({ type: 'ping' })
  if (live && expiring()) refresh().then(() => send({ type: 'auth', ref: 'auth', token: mine.session.access_token }), () => {})
}
async function lost(code) {
  socket.close()
  ;[socket, live] = [null, false]
  if (code >= 4000 && !RETURN.includes(code)) return signOut(code === 4409 ? 'You were signed out.' : `The server ended the session (${code}).`)
  if (code === 4401) await refresh().catch(() => {})
  wait()
}
function wait() { // full jitter, or the time that the server asked for
  const until = Date.now() + (comeBackAfter ?? Math.random() * Math.min(30_000, 500 * 2 ** tries++))
  const tick = () => Date.now() >= until ? open() : on.waiting(Math.ceil((until - Date.now()) / 1000))
  comeBackAfter = null
  countdown = setInterval(tick, 100)
}
