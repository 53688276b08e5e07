import type { Message, Room } from '@parley/client'
import { confirm, openPicker, type MenuItem, type Place } from '../app/overlay'
import { go, href, openPanel } from '../app/route'
import { chat } from '../app/session'
import { report, toast } from '../app/toast'
import { focusComposer, intentOf } from '../room/compose'
import { t } from '../i18n'

/** Where a message is shown decides what can be done with it: in a thread there are no threads. */
export interface Setting { room: Room; thread?: number }

const runs = () => chat().me.role === 'owner' || chat().me.role === 'admin'
export const mayWrite = (room: Room) => !room.archived && (!room.read_only || room.role !== 'member')
export const mayEdit = (room: Room, m: Message) => m.by === chat().me.id && m.state === 'sent' && !m.deleted && !room.archived
export const mayDelete = (room: Room, m: Message) => m.state === 'sent' && !m.deleted && !room.archived && (m.by === chat().me.id || (room.kind !== 'direct' && (room.role !== 'member' || runs())))

export function reply({ room, thread }: Setting, m: Message): void {
  intentOf(room.id, thread).value = { replyTo: m }
  focusComposer(room.id, thread)
}

export function edit({ room, thread }: Setting, m: Message): void {
  intentOf(room.id, thread).value = { editing: m }
  focusComposer(room.id, thread)
}

export function openThread(m: Message): void {
  if (m.seq) openPanel({ kind: 'thread', root: m.thread ?? m.seq })
}

export async function remove(room: Room, m: Message): Promise<void> {
  if (!m.seq || !await confirm({ title: t('message.delete.title'), text: t('message.delete.text'), action: t('delete'), danger: true })) return
  await room.delete(m.seq).catch(report)
}

export function react(room: Room, m: Message, emoji: string): void {
  if (!m.seq) return
  const mine = m.reactions.some(reaction => reaction.emoji === emoji && reaction.me)
  room.react(m.seq, emoji, !mine).catch(report)
}

export function pickReaction(room: Room, m: Message, at: Element | Place): void {
  openPicker(at, emoji => react(room, m, emoji))
}

export const linkTo = (room: Room, m: Message) => new URL(href({ page: 'room', room: room.id, ...(m.seq && { at: m.seq }) }), location.origin + location.pathname).href

async function copy(text: string, said: string): Promise<void> {
  try {
    await navigator.clipboard.writeText(text)
    toast(said)
  } catch {
    toast(t('copy.failed'), { tone: 'error' })
  }
}
export const copyLink = (room: Room, m: Message) => copy(linkTo(room, m), t('message.link.copied'))
export const copyText = (m: Message) => copy(m.text, t('message.text.copied'))

/** actionsOf lists everything that can be done with a message here and now. */
export function actionsOf(setting: Setting, m: Message, showReaders: (m: Message) => void): MenuItem[] {
  const { room, thread } = setting
  if (m.state === 'failed') {
    return [
      { label: t('message.retry'), icon: 'retry', run: () => room.retry(m.key) },
      { label: t('message.text.copy'), icon: 'copy', run: () => void copyText(m) },
      { label: t('message.discard'), icon: 'trash', danger: true, apart: true, run: () => room.discard(m.key) },
    ]
  }
  const items: MenuItem[] = []
  if (m.state === 'sent' && !m.deleted && mayWrite(room)) {
    items.push({ label: t('message.reply'), icon: 'reply', run: () => reply(setting, m) })
  }
  if (m.state === 'sent' && thread === undefined) items.push({ label: t(m.replyCount > 0 || m.thread ? 'message.thread.open' : 'message.thread.start'), icon: 'thread', run: () => openThread(m) })
  if (!m.deleted) items.push({ label: t('message.text.copy'), icon: 'copy', run: () => void copyText(m) })
  if (m.seq) items.push({ label: t('message.link.copy'), icon: 'link', run: () => void copyLink(room, m) })
  if (m.seq && thread !== undefined) items.push({ label: t('message.show'), icon: 'eye', run: () => go({ page: 'room', room: room.id, at: m.seq!, panel: { kind: 'thread', root: thread } }) })
  if (m.seq && !m.deleted) items.push({ label: t('message.readers'), icon: 'checks', run: () => showReaders(m) })
  if (mayEdit(room, m)) items.push({ label: t('edit'), icon: 'edit', apart: true, run: () => edit(setting, m) })
  if (mayDelete(room, m)) items.push({ label: t('delete'), icon: 'trash', danger: true, apart: !mayEdit(room, m), run: () => void remove(room, m) })
  return items
}

export const quick = ['👍', '❤️', '😂', '🎉', '👀', '✅'] as const
