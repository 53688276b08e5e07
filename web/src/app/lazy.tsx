import type { FunctionComponent } from 'preact'
import { useEffect, useState } from 'preact/hooks'
import { t } from '../i18n'
import { Icon } from '../design/Icon'

/** lazy is a component whose code is fetched when it is first shown. */
export function lazy<P extends object>(load: () => Promise<FunctionComponent<P>>): FunctionComponent<P> {
  let loaded: FunctionComponent<P> | undefined
  return function Lazy(props: P) {
    const [failed, setFailed] = useState(false)
    const [, setReady] = useState(loaded !== undefined)
    useEffect(() => {
      if (!loaded && !failed) load().then(component => { loaded = component; setReady(true) }, () => setFailed(true))
    }, [failed])
    const Inner = loaded
    if (Inner) return <Inner {...props} />
    if (!failed) return null
    return <main id="main" class="page"><div class="empty fill" role="alert"><Icon name="alert" size={32} /><p>{t('error.part')}</p><button type="button" class="button" onClick={() => location.reload()}>{t('reload')}</button></div></main>
  }
}
