import { ParleyError } from '@parley/client'

export interface Capabilities { signup: 'open' | 'closed' | 'invite'; version: string }
/** Invitation is who invites and, if the link leads to a room, which. */
export interface Invitation { invited_by: { username: string; display_name: string }; room?: { name: string } }

async function ask<T>(path: string, body?: object): Promise<T> {
  let answer: Response
  try {
    answer = await fetch(path, body && { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body) })
  } catch (cause) {
    throw new ParleyError('network', String(cause))
  }
  const found = await answer.json().catch(() => ({})) as { code?: ParleyError['code']; detail?: string }
  if (!answer.ok) throw new ParleyError(found.code ?? 'internal', found.detail ?? '', answer.status)
  return found as T
}

/** capabilities is what the server allows somebody who is not signed in. */
export const capabilities = () => ask<Capabilities>('/v1/capabilities')
/** invitation is what an invite link's code stands for. */
export const invitation = (code: string) => ask<Invitation>('/v1/invites/lookup', { code })
