import { useEffect } from 'preact/hooks'
import { chat } from '../app/session'
import { toast } from '../app/toast'
import { useWatch } from '../app/watch'
import { t } from '../i18n'

interface TrustedTypes { createPolicy(name: string, rules: { createScriptURL(path: string): string }): { createScriptURL(path: string): unknown } }

/** register installs the service worker, in builds: while developing, the newest code is what is wanted. */
export function register(): void {
  if (!import.meta.env.PROD || !('serviceWorker' in navigator)) return
  const url = (window as { trustedTypes?: TrustedTypes }).trustedTypes?.createPolicy('parley', { createScriptURL: (path: string) => {
    if (path !== '/sw.js') throw new TypeError(`${path} is not the service worker`)
    return path
  } }).createScriptURL('/sw.js') ?? '/sw.js'
  const { serviceWorker } = navigator
  let controlled = serviceWorker.controller !== null
  serviceWorker.addEventListener('controllerchange', () => {
    if (controlled) tellOfUpdate()
    controlled = true
  })
  serviceWorker.register(url as string, { scope: '/', updateViaCache: 'none' }).catch(error => console.warn('no service worker:', error))
}

/** A page goes on to work when the server has a newer one; when to load it is for the person to say. */
function tellOfUpdate(): void {
  const tell = () => { if (!document.hidden) toast(t('update.ready'), { action: { label: t('reload'), run: () => location.reload() } }) }
  tell()
  document.addEventListener('visibilitychange', tell)
}

/** useUpdates looks for a newer app whenever the server has come back: it may have been upgraded meanwhile. */
export function useUpdates(): void {
  const { connection } = chat()
  const online = useWatch(connection, () => connection.state.phase === 'online')
  useEffect(() => {
    if (online) navigator.serviceWorker?.getRegistration().then(found => found?.update()).catch(() => {}) // it is looked for again
  }, [online])
}
