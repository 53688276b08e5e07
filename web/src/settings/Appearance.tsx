import { enterSends, theme, tongue } from '../app/preferences'
import { languages, t } from '../i18n'

/** Appearance is how the app looks and speaks in this browser. */
export function Appearance() {
  return (
    <div class="stack">
      <fieldset class="setting">
        <legend><b>{t('appearance.theme')}</b></legend>
        <div class="segments">{(['system', 'light', 'dark'] as const).map(value => <label key={value}><input type="radio" name="theme" checked={theme.value === value} onChange={() => { theme.value = value }} />{t(`appearance.theme.${value}`)}</label>)}</div>
      </fieldset>
      <label class="field"><span>{t('appearance.language')}</span>
        <select value={tongue.value} onChange={e => { tongue.value = e.currentTarget.value as typeof tongue.value }}>
          <option value="auto">{t('appearance.language.auto')}</option>
          {Object.entries(languages).map(([code, name]) => <option key={code} value={code} lang={code}>{name}</option>)}
        </select>
      </label>
      <label class="check"><input type="checkbox" checked={enterSends.value === 'on'} onChange={e => { enterSends.value = e.currentTarget.checked ? 'on' : 'off' }} /><span>{t('appearance.enter')} <span class="small soft">{t('appearance.enter.hint')}</span></span></label>
    </div>
  )
}
