import { go, href, type SettingsTab } from '../app/route'
import { Icon, type IconName } from '../design/Icon'
import { Tabs } from '../design/Tabs'
import { t } from '../i18n'
import { Account } from './Account'
import { Appearance } from './Appearance'
import { Notifications } from './Notifications'
import { ProfileForm } from './ProfileForm'
import { Sessions } from './Sessions'
import './settings.css'

const tabs: Record<SettingsTab, { icon: IconName; page: () => preact.JSX.Element }> = {
  profile: { icon: 'person', page: ProfileForm },
  appearance: { icon: 'eye', page: Appearance },
  notifications: { icon: 'bell', page: Notifications },
  sessions: { icon: 'keyboard', page: Sessions },
  account: { icon: 'lock', page: Account },
}

/** Settings is everything about oneself and this browser. */
export function Settings({ tab = 'profile' }: { tab?: SettingsTab }) {
  const Page = tabs[tab].page
  return (
    <main id="main" class="page">
      <header class="room-header">
        <button type="button" class="icon-button back" aria-label={t('back')} onClick={() => go({ page: 'home' })}><Icon name="back" /></button>
        <div class="grow titles"><h1>{t('settings')}</h1></div>
        <button type="button" class="icon-button" aria-label={t('close')} onClick={() => go({ page: 'home' })}><Icon name="close" /></button>
      </header>
      <Tabs label={t('settings')} current={tab} tabs={(Object.keys(tabs) as SettingsTab[]).map(name => ({ name, label: t(`settings.${name}`), href: href({ page: 'settings', tab: name }), icon: tabs[name].icon }))} />
      <div class="scroll column"><Page key={tab} /></div>
    </main>
  )
}
