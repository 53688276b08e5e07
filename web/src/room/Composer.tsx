import { useEffect, useId, useLayoutEffect, useRef, useState } from 'preact/hooks'
import type { Message, Room, Timeline } from '@parley/client'
import { openPicker } from '../app/overlay'
import { enterSends } from '../app/preferences'
import { report } from '../app/toast'
import { useWatch } from '../app/watch'
import { Avatar, nameOf, useUser } from '../design/Avatar'
import { Icon } from '../design/Icon'
import { groups, withEmoji } from '../emoji/data'
import { t } from '../i18n'
import { plain } from '../text/markdown'
import { mayEdit, mayWrite } from '../timeline/actions'
import { choices, queryAt, type Choice, type Query } from './completion'
import { composerKey, intentOf, registered, tellSent } from './compose'
import { membersOf, peopleOf } from './members'

interface Props { room: Room; timeline: Timeline; thread?: number }

const touch = () => matchMedia('(pointer: coarse)').matches
const threadDrafts = new Map<string, string>()

/** Composer is where one writes; the draft stays with the room. */
export function Composer({ room, timeline, thread }: Props) {
  const intent = intentOf(room.id, thread)
  const { replyTo, editing } = intent.value
  const key = composerKey(room.id, thread)
  const draft = useWatch(room, () => thread === undefined ? room.draft : threadDrafts.get(key) ?? '')
  const [text, setText] = useState(draft)
  const field = useRef<HTMLTextAreaElement>(null)
  const selection = useRef<{ of: string; from: number; to: number } | undefined>(undefined)
  const completion = useCompletion(room)
  const archived = useWatch(room, () => room.archived)
  const writable = useWatch(room, () => mayWrite(room))
  const label = thread !== undefined ? t('composer.thread') : t('composer.label', { name: room.name })

  useEffect(() => { // another tab wrote, or it was sent there
    if (!editing && document.activeElement !== field.current) setText(draft)
  }, [draft])
  useEffect(() => {
    registered(key, field.current)
    return () => registered(key, null)
  }, [key, writable])
  useLayoutEffect(() => { // before anything is typed elsewhere; who is in a panel stays there
    if (thread === undefined && !touch() && !document.activeElement?.closest('aside')) field.current?.focus()
  }, [key, writable])
  useEffect(() => { // after the panel's heading
    if (thread !== undefined) field.current?.focus()
  }, [key, writable])
  useEffect(() => {
    if (!editing) return
    field.current?.focus()
    select(editing.text, editing.text.length)
    setText(editing.text)
  }, [editing])
  useLayoutEffect(() => {
    if (selection.current?.of === text) select(text, selection.current.from, selection.current.to)
    selection.current = undefined
  }, [text])
  useLayoutEffect(() => { // for browsers without field-sizing
    const area = field.current
    if (!area || CSS.supports('field-sizing', 'content')) return
    area.style.blockSize = 'auto'
    area.style.blockSize = `${area.scrollHeight + 2}px`
  }, [text])

  /** select selects a part of a text when that is what is in the field: before anything else can be typed there. */
  function select(of: string, from: number, to = from) {
    if (field.current?.value === of) field.current.setSelectionRange(from, to)
    selection.current = { of, from, to }
  }

  function change(next: string) {
    setText(next)
    if (next.includes(':')) groups().catch(() => {}) // for the codes in what is sent
    if (editing) return
    if (thread === undefined) room.setDraft(next)
    else threadDrafts.set(key, next)
    room.setTyping(next.trim() !== '')
  }

  function stop() {
    intent.value = {}
    if (editing) setText(thread === undefined ? room.draft : threadDrafts.get(key) ?? '')
    field.current?.focus()
  }

  function submit() {
    const written = withEmoji(text.trim())
    if (editing) {
      if (!editing.seq || written === editing.text) return stop()
      if (written === '') return
      room.edit(editing.seq, written).catch(report)
      return stop()
    }
    if (written === '') return
    room.send(written, { ...(replyTo?.seq && { reply_to: replyTo.seq }), ...(thread !== undefined && { thread }) })
    tellSent(key)
    room.setTyping(false)
    intent.value = {}
    setText('')
    if (thread === undefined) room.setDraft('')
    else threadDrafts.delete(key)
    completion.close()
    field.current?.focus()
  }

  /** put writes over a part of the text and leaves the caret behind it. */
  function put(from: number, to: number, insert: string, selectFrom = from + insert.length, selectTo = selectFrom) {
    const area = field.current!
    area.focus()
    area.setSelectionRange(from, to)
    const next = text.slice(0, from) + insert + text.slice(to)
    if (!document.execCommand('insertText', false, insert)) change(next) // the browser's own undo takes the first back
    select(next, selectFrom, selectTo)
  }

  function complete(choice: Choice) {
    const { query } = completion
    if (query) put(query.from, query.from + 1 + query.word.length, choice.insert)
    completion.close()
  }

  function around(mark: string) {
    const { selectionStart: from, selectionEnd: to } = field.current!
    const inner = text.slice(from, to)
    put(from, to, mark + inner + mark, from + mark.length, from + mark.length + inner.length)
  }

  function onKeyDown(e: KeyboardEvent) {
    if (e.isComposing) return
    if (completion.open) {
      const move = { ArrowDown: 1, ArrowUp: -1 }[e.key]
      const chosen = completion.choices[completion.at]
      if (move) completion.move(move)
      else if (e.key === 'Enter' && chosen && completion.query && chosen.insert.trim() === text.slice(completion.query.from, completion.query.from + 1 + completion.query.word.length)) submit() // it is written out already
      else if ((e.key === 'Enter' || e.key === 'Tab') && chosen) complete(chosen)
      else if (e.key === 'Escape') completion.close()
      else return
      e.preventDefault()
      e.stopPropagation()
      return
    }
    const mod = e.ctrlKey || e.metaKey
    if (e.key === 'Enter' && !e.shiftKey && !e.altKey && (mod || (enterSends.value === 'on' && !touch()))) submit()
    else if (e.key === 'Escape' && (editing || replyTo)) stop()
    else if (e.key === 'Escape' && thread === undefined) [...field.current!.closest('main')!.querySelectorAll<HTMLElement>('[role="log"] article')].at(-1)?.focus()
    else if (e.key === 'ArrowUp' && text === '' && !editing) {
      const last = timeline.items.findLast((item): item is Message => item.kind === 'message' && mayEdit(room, item))
      if (!last) return
      intent.value = { editing: last }
    } else if (mod && !e.shiftKey && e.key === 'b') around('**')
    else if (mod && !e.shiftKey && e.key === 'i') around('*')
    else if (mod && !e.shiftKey && e.key === 'e') around('`')
    else return
    e.preventDefault()
    e.stopPropagation()
  }

  if (!writable) return <p class="composer-closed soft">{archived ? t('room.archived.composer') : t('room.read_only.composer')}</p>
  const about = editing ?? replyTo
  return (
    <form class="composer" aria-label={label} onSubmit={e => { e.preventDefault(); submit() }}>
      {about && <Intent message={about} editing={editing !== undefined} onStop={stop} />}
      {completion.open && <Choices completion={completion} onChoose={complete} />}
      <div class="bar">
        <button type="button" class="icon-button" aria-label={t('emoji')} title={t('emoji')} onClick={e => openPicker(e.currentTarget, emoji => {
          const area = field.current!
          put(area.selectionStart, area.selectionEnd, emoji)
        })}><Icon name="smile" /></button>
        <textarea ref={field} rows={1} value={text} dir="auto" aria-label={editing ? t('composer.edit') : label} placeholder={thread !== undefined ? t('composer.thread') : t('composer.placeholder', { name: room.name })} maxLength={32000}
          enterkeyhint={touch() ? 'enter' : 'send'} autocapitalize="sentences"
          aria-autocomplete="list" aria-controls={completion.open ? completion.id : undefined} aria-activedescendant={completion.open ? `${completion.id}-${completion.at}` : undefined}
          onInput={e => { change(e.currentTarget.value); completion.look(e.currentTarget) }} onClick={e => completion.look(e.currentTarget)} onKeyDown={onKeyDown} onBlur={() => room.setTyping(false)} />
        <button class="icon-button main" aria-label={editing ? t('save') : t('send')} title={editing ? t('save') : t('send')} disabled={text.trim() === ''}><Icon name={editing ? 'check' : 'send'} /></button>
      </div>
    </form>
  )
}

function Intent({ message, editing, onStop }: { message: Message; editing: boolean; onStop: () => void }) {
  const author = useUser(message.by)
  return (
    <div class="intent">
      <Icon name={editing ? 'edit' : 'reply'} size={18} />
      <span class="grow ellipsis"><b>{editing ? t('composer.editing') : t('composer.replying', { name: nameOf(author) })}</b> <span class="soft" dir="auto">{plain(message.text, 200)}</span></span>
      <button type="button" class="icon-button" aria-label={t('cancel')} onClick={onStop}><Icon name="close" size={18} /></button>
    </div>
  )
}

interface Completion {
  id: string; open: boolean; query?: Query | undefined; choices: readonly Choice[]; at: number
  look(area: HTMLTextAreaElement): void; move(by: number): void; close(): void
}

function useCompletion(room: Room): Completion {
  const id = useId()
  const [state, setState] = useState<{ query?: Query; choices: readonly Choice[]; at: number }>({ choices: [], at: 0 })
  const turn = useRef(0)
  const close = () => { turn.current++; setState({ choices: [], at: 0 }) }
  return {
    id, open: state.choices.length > 0, ...state, close,
    look(area) {
      const mine = ++turn.current
      const query = area.selectionStart === area.selectionEnd ? queryAt(area.value, area.selectionStart) : undefined
      if (!query) return close()
      if (query.kind === '@' && room.kind !== 'direct') membersOf(room)
      choices(room, query, peopleOf(room)).then(found => { if (mine === turn.current) setState({ query, choices: found, at: 0 }) }, () => {})
    },
    move(by) { setState(now => ({ ...now, at: (now.at + by + now.choices.length) % now.choices.length })) },
  }
}

function Choices({ completion, onChoose }: { completion: Completion; onChoose: (choice: Choice) => void }) {
  return (
    <ul class="choices" role="listbox" id={completion.id} aria-label={t('composer.suggestions')}>
      {completion.choices.map((choice, i) => (
        <li key={choice.id} id={`${completion.id}-${i}`} role="option" aria-selected={i === completion.at} onMouseDown={e => { e.preventDefault(); onChoose(choice) }}>
          {choice.user ? <Avatar id={choice.user.id} name={choice.title} size={24} /> : choice.emoji ? <span class="emoji">{choice.emoji}</span> : <Icon name="people" />}
          <span dir="auto">{choice.title}</span> {choice.hint && <span class="soft">{choice.hint}</span>}
        </li>
      ))}
    </ul>
  )
}
