/**
 * The service worker: the app opens without a network, and is never older than the server's. The page itself always comes from the
 * network when there is one; what it refers to has a hash in its name, so that a kept copy is the right one or none.
 */
declare const __ASSETS__: string[]
declare const __VERSION__: string

const worker = self as unknown as ServiceWorkerGlobalScope

const cacheName = `parley-${__VERSION__}`
const page = '/'
/** Answers of a proxy whose server is away: as good as no answer. */
const AWAY = [502, 503, 504]
/** After this long without an answer there is as good as no network. */
const PATIENCE_MS = 8000

worker.addEventListener('install', event => {
  event.waitUntil(caches.open(cacheName).then(async cache => {
    await cache.addAll([new Request(page, { cache: 'reload' }), ...__ASSETS__])
    await worker.skipWaiting()
  }))
})

worker.addEventListener('activate', event => {
  event.waitUntil(caches.keys().then(async names => {
    // The one before stays: a page of it may be open still, and the server has its files no more.
    const old = names.filter(name => name.startsWith('parley-') && name !== cacheName).slice(0, -1)
    await Promise.all(old.map(name => caches.delete(name)))
    await worker.clients.claim()
  }))
})

worker.addEventListener('fetch', event => {
  const { request } = event
  const url = new URL(request.url)
  if (request.method !== 'GET' || url.origin !== worker.location.origin) return
  if (request.mode === 'navigate' && url.pathname === page) event.respondWith(newest(request))
  else if (url.pathname.startsWith('/_parley/')) event.respondWith(kept(request))
})

async function newest(request: Request): Promise<Response> {
  const copy = await caches.match(page, { cacheName })
  if (!copy) return fetch(request)
  try {
    const answer = await fetch(request, { signal: AbortSignal.timeout(PATIENCE_MS) })
    return AWAY.includes(answer.status) ? copy : answer
  } catch {
    return copy
  }
}

async function kept(request: Request): Promise<Response> {
  return await caches.match(request) ?? fetch(request)
}

worker.addEventListener('notificationclick', event => {
  event.notification.close()
  const { href } = event.notification.data as { href: string }
  event.waitUntil(worker.clients.matchAll({ type: 'window' }).then(async windows => {
    const open = windows[0]
    if (!open) return void await worker.clients.openWindow(`/${href}`)
    open.postMessage({ type: 'go', href })
    await open.focus()
  }))
})
