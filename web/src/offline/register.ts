interface TrustedTypes { createPolicy(name: string, rules: { createScriptURL(path: string): string }): { createScriptURL(path: string): unknown } }

/** register installs the service worker, in builds: while developing, the newest code is what is wanted. */
export function register(): void {
  if (!import.meta.env.PROD || !('serviceWorker' in navigator)) return
  const url = (window as { trustedTypes?: TrustedTypes }).trustedTypes?.createPolicy('parley', { createScriptURL: (path: string) => {
    if (path !== '/sw.js') throw new TypeError(`${path} is not the service worker`)
    return path
  } }).createScriptURL('/sw.js') ?? '/sw.js'
  navigator.serviceWorker.register(url as string, { scope: '/', updateViaCache: 'none' }).catch(error => console.warn('no service worker:', error))
}
