import { Dialog } from '../design/Dialog'
import { t, type Key } from '../i18n'
import { dialog } from './overlay'
import './shortcuts.css'

const mod = () => /Mac|iPhone|iPad/.test(navigator.userAgent) ? '⌘' : t('key.ctrl')
const groups = (mod: string): [Key, [Key, string[][]][]][] => [
  ['keys.everywhere', [
    ['keys.switcher', [[mod, 'K']]], ['keys.search', [['/'], [mod, 'F']]], ['keys.next', [['Alt', '↓']]], ['keys.previous', [['Alt', '↑']]], ['keys.unread', [['u']]],
    ['keys.new', [['n']]], ['keys.browse', [['b']]], ['keys.settings', [[',']]], ['keys.help', [['?']]],
  ]],
  ['keys.room', [['keys.compose', [['c'], ['Esc']]], ['keys.members', [['m']]], ['keys.details', [['i']]], ['keys.messages', [['Esc']]], ['keys.move', [['↑'], ['↓'], ['k'], ['j']]]]],
  ['keys.message', [['keys.reply', [['r']]], ['keys.thread', [['t']]], ['keys.react', [['+']]], ['keys.edit', [['e']]], ['keys.delete', [['Del']]], ['keys.menu', [['Enter']]]]],
  ['keys.writing', [['keys.send', [['Enter']]], ['keys.newline', [['Shift', 'Enter']]], ['keys.edit_last', [['↑']]], ['keys.bold', [[mod, 'B']]], ['keys.italic', [[mod, 'I']]], ['keys.code', [[mod, 'E']]], ['keys.mention', [['@']]], ['keys.emoji', [[':']]]]],
]

/** Shortcuts lists every key that does something. */
export function Shortcuts() {
  return (
    <Dialog title={t('shortcuts')} large reading onClose={() => { dialog.value = null }} class="shortcuts">
      <div class="columns">
        {groups(mod()).map(([title, keys]) => (
          <section key={title}>
            <h3>{t(title)}</h3>
            <dl>{keys.map(([what, ways]) => (
              <div key={what}><dt>{t(what)}</dt><dd>{ways.map((way, i) => <>{i > 0 && ` ${t('keys.or')} `}{way.map((key, j) => <>{j > 0 && ' '}<kbd>{key}</kbd></>)}</>)}</dd></div>
            ))}</dl>
          </section>
        ))}
      </div>
    </Dialog>
  )
}
