import { useState } from 'preact/hooks'
import type { Message, Room } from '@parley/client'
import { menu as openedMenu, openMenu, profile, type Place } from '../app/overlay'
import { go } from '../app/route'
import { chat } from '../app/session'
import { report } from '../app/toast'
import { useWatch } from '../app/watch'
import { Avatar, nameOf, useUser } from '../design/Avatar'
import { Icon } from '../design/Icon'
import { memo } from '../design/memo'
import { clock, list, moment, t, when } from '../i18n'
import { plain } from '../text/markdown'
import { Markdown } from '../text/Markdown'
import { useMentions } from '../text/people'
import { actionsOf, mayWrite, openThread, pickReaction, quick, react, reply } from './actions'
import { useLongPress } from './press'
import { Quote } from './Quote'
import { readers } from './Readers'

interface Props { room: Room; message: Message; first: boolean; thread?: number; flash?: boolean }

/** MessageRow is one message with everything that hangs on it. */
export const MessageRow = memo<Props>(function MessageRow({ room, message: m, first, thread, flash }) {
  const author = useUser(m.by)
  const mine = m.by === chat().me.id
  const setting = { room, ...(thread !== undefined && { thread }) }
  const menu = (at: Element | Place) => {
    openMenu(t('message.actions'), at, actionsOf(setting, m, shown => { readers.value = { room, message: shown } }), m.state === 'sent' && !m.deleted && !room.archived ? <QuickReactions room={room} message={m} /> : undefined)
  }
  const onContextMenu = (e: MouseEvent) => {
    if (e.target instanceof Element && e.target.closest('a, button, input') || getSelection()?.toString()) return
    e.preventDefault()
    menu({ x: e.clientX, y: e.clientY, width: 0, height: 0 })
  }
  const press = useLongPress(menu)
  const mentioned = m.mentions.includes(chat().me.id)
  return (
    <article class={`message${first ? ' first' : ''}${mine ? ' mine' : ''}${mentioned ? ' mentioned' : ''}${flash ? ' flash' : ''} ${m.state}`} tabIndex={-1} data-key={m.key} data-seq={m.seq}
      aria-label={t('message.label', { name: nameOf(author), time: when(m.at), text: m.deleted ? t('message.deleted') : plain(m.text) })} onContextMenu={onContextMenu} {...press}>
      <div class="gutter">
        {first ? <button type="button" tabIndex={-1} class="face" aria-hidden="true" onClick={() => { profile.value = m.by }}><Avatar id={m.by} name={nameOf(author)} /></button>
          : <time class="soft" aria-hidden="true">{clock(m.at)}</time>}
      </div>
      <div class="content">
        {first && (
          <header>
            <button type="button" class="author" onClick={() => { profile.value = m.by }}><bdi>{nameOf(author)}</bdi></button>
            {author?.kind === 'bot' && <span class="tag">{t('person.bot')}</span>}
            <time class="soft" dateTime={new Date(m.at).toISOString()} title={moment(m.at)}>{clock(m.at)}</time>
          </header>
        )}
        {m.reply_to !== undefined && m.reply_to !== thread && <Quote room={room} seq={m.reply_to} onOpen={() => go({ page: 'room', room: room.id, at: m.reply_to!, ...(thread && { panel: { kind: 'thread', root: thread } }) })} />}
        {first && thread === undefined && m.thread !== undefined && <Quote room={room} seq={m.thread} thread onOpen={() => openThread(m)} />}
        {m.deleted ? <p class="gone soft">{t('message.deleted')}</p> : <Body message={m} />}
        {m.reactions.length > 0 && <Reactions room={room} message={m} />}
        {thread === undefined && m.replyCount > 0 && (
          <button type="button" class="replies link" onClick={() => openThread(m)}><Icon name="thread" size={16} />{t('message.replies', { count: m.replyCount })}</button>
        )}
        {m.state === 'failed' && <Failed room={room} message={m} />}
      </div>
      {mine && <Ticks room={room} message={m} />}
      {m.state === 'sent' && !m.deleted && (
        <div class="tools" role="group" aria-label={t('message.actions')}>
          {!room.archived && <button type="button" class="icon-button" tabIndex={-1} aria-label={t('message.react')} title={t('message.react')} onClick={e => pickReaction(room, m, e.currentTarget)}><Icon name="smile" size={18} /></button>}
          {mayWrite(room) && <button type="button" class="icon-button" tabIndex={-1} aria-label={t('message.reply')} title={t('message.reply')} onClick={() => reply(setting, m)}><Icon name="reply" size={18} /></button>}
          {thread === undefined && <button type="button" class="icon-button" tabIndex={-1} aria-label={t('message.thread.open')} title={t('message.thread.open')} onClick={() => openThread(m)}><Icon name="thread" size={18} /></button>}
          <button type="button" class="icon-button" tabIndex={-1} aria-haspopup="menu" aria-label={t('more')} title={t('more')} onClick={e => menu(e.currentTarget)}><Icon name="more" size={18} /></button>
        </div>
      )}
    </article>
  )
})

function Body({ message: m }: { message: Message }) {
  const mention = useMentions(m)
  const edited = m.editedAt ? <small class="soft" title={moment(m.editedAt)}>({t('message.edited')})</small> : undefined
  return <Markdown text={m.text} mention={mention} edited={edited} />
}

function Reactions({ room, message: m }: { room: Room; message: Message }) {
  return (
    <div class="reactions" role="group" aria-label={t('message.reactions')}>
      {m.reactions.map(reaction => <Reaction key={reaction.emoji} room={room} message={m} {...reaction} />)}
      {!room.archived && <button type="button" class="reaction add" aria-label={t('message.react')} title={t('message.react')} onClick={e => pickReaction(room, m, e.currentTarget)}><Icon name="smile" size={16} /></button>}
    </div>
  )
}

function Reaction({ room, message, emoji, count, users, me }: { room: Room; message: Message; emoji: string; count: number; users: readonly string[]; me: boolean }) {
  const { users: people } = chat()
  const [asked, ask] = useState(false)
  const names = useWatch(people, () => asked ? list(users.slice(0, 6).map(id => nameOf(people.get(id)))) : '')
  const title = asked ? (count > 6 ? t('message.reacted.more', { names, emoji, count: count - 6 }) : t('message.reacted', { names, emoji })) : undefined
  return (
    <button type="button" class="reaction" aria-pressed={me} aria-label={t('message.reaction', { emoji, count })} title={title} disabled={room.archived}
      onPointerEnter={() => ask(true)} onFocus={() => ask(true)} onClick={() => react(room, message, emoji)}>
      <span>{emoji}</span> <span class="count">{count}</span>
    </button>
  )
}

function QuickReactions({ room, message }: { room: Room; message: Message }) {
  return (
    <div class="quick" role="group" aria-label={t('message.react')}>
      {quick.map(emoji => <button key={emoji} type="button" role="menuitem" tabIndex={-1} aria-label={t('message.react.with', { emoji })} onClick={() => { react(room, message, emoji); (openedMenu.value = null) }}>{emoji}</button>)}
      <button type="button" role="menuitem" tabIndex={-1} aria-label={t('message.react')} onClick={e => { const at = e.currentTarget.getBoundingClientRect(); (openedMenu.value = null); pickReaction(room, message, at) }}><Icon name="plus" size={18} /></button>
    </div>
  )
}

function Ticks({ room, message: m }: { room: Room; message: Message }) {
  const reached = useWatch(room, () => m.seq === undefined ? 'none' : reach(room, m.seq))
  if (m.state === 'failed' || m.deleted) return null
  if (m.state === 'sending') return <span class="ticks" role="img" aria-label={t('message.sending')} title={t('message.sending')}><Icon name="clock" size={15} /></span>
  const said = t(reached === 'read' ? 'message.read' : reached === 'delivered' ? 'message.delivered' : 'message.sent')
  return <span class={`ticks ${reached}`} role="img" aria-label={said} title={said}><Icon name={reached === 'none' ? 'check' : 'checks'} size={15} /></span>
}

/** reach is how far a message of mine got: with two people to the other one, else to anybody. */
function reach(room: Room, seq: number): 'read' | 'delivered' | 'none' {
  const me = chat().me.id
  let delivered = false
  for (const mark of room.receipts) {
    if (mark.user === me) continue
    if (mark.read >= seq) return 'read'
    if (mark.delivered >= seq) delivered = true
  }
  return delivered ? 'delivered' : 'none'
}

function Failed({ room, message: m }: { room: Room; message: Message }) {
  return (
    <p class="failed" role="alert">
      <Icon name="alert" size={16} />
      <span>{t('message.failed')}{m.error?.detail ? ` ${m.error.detail}.` : ''}</span>
      <button type="button" class="link" onClick={() => room.retry(m.key)}>{t('message.retry')}</button>
      <button type="button" class="link" onClick={() => { try { room.discard(m.key) } catch (error) { report(error) } }}>{t('message.discard')}</button>
    </p>
  )
}
