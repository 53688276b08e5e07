import { ParleyError } from "./error.ts"
import { claims } from "./jwt.ts"
import type { StoredSession } from "./model.ts"
import { alone, type Locks } from "./platform.ts"
import { api, type Token } from "./rest.ts"
import { uuid } from "./uuid.ts"

/** Where the tokens of who is signed in are kept. Refresh tokens work once, so there must be one place that has the newest. */
export interface SessionStore {
  load(): Promise<StoredSession | undefined>
  save(stored: StoredSession): Promise<void>
  clear(): Promise<void>
}

/** Keeps the session for as long as the program runs. */
export class MemorySessions implements SessionStore {
  #stored: StoredSession | undefined

  async load(): Promise<StoredSession | undefined> {
    return this.#stored
  }

  async save(stored: StoredSession): Promise<void> {
    this.#stored = stored
  }

  async clear(): Promise<void> {
    this.#stored = undefined
  }
}

/** Keeps the session in the browser's localStorage, for all its tabs. */
export class BrowserSessions implements SessionStore {
  #key: string

  constructor(key = "parley.session") {
    this.#key = key
  }

  async load(): Promise<StoredSession | undefined> {
    try {
      return JSON.parse(localStorage.getItem(this.#key) ?? "null") ?? undefined
    } catch {
      return undefined // what is there is not ours
    }
  }

  async save(stored: StoredSession): Promise<void> {
    localStorage.setItem(this.#key, JSON.stringify(stored))
  }

  async clear(): Promise<void> {
    localStorage.removeItem(this.#key)
  }
}

/** The browser's localStorage where there is one, else memory. */
export function defaultSessions(): SessionStore {
  return typeof localStorage !== "undefined" && typeof document !== "undefined" ? new BrowserSessions() : new MemorySessions()
}

/** What makes an account. */
export interface SignUp {
  username: string
  password: string
  display_name?: string
  /** The code of an invite link, where the server asks for one. */
  invite?: string
  /** How the session is called in the list of sessions. */
  device?: string
}

/** Makes an account and signs it in. Nothing is stored: give the answer to a {@link Client}. */
export function signUp(url: string, account: SignUp, fetch = globalThis.fetch): Promise<StoredSession> {
  return api(trimmed(url), fetch.bind(globalThis)).signUp(account)
}

/** Signs in with a password. Nothing is stored: give the answer to a {@link Client}. */
export function signIn(url: string, account: { username: string; password: string; device?: string }, fetch = globalThis.fetch): Promise<StoredSession> {
  return api(trimmed(url), fetch.bind(globalThis)).signIn(account)
}

/** @internal */
export function trimmed(url: string): string {
  return url.replace(/\/+$/, "")
}

/** How long before its end an access token counts as used up, in milliseconds. */
const margin = 30_000

const usable = ({ session }: StoredSession, ahead: number, refused?: string): boolean =>
  session.access_token !== refused && Date.parse(session.access_expires_at) - ahead - Date.now() > margin

/** The tokens of a sign-in, renewed when that is needed: one renewal at a time, in all tabs together; and how to clear it. @internal */
export function renewing(
  url: string, fetch: typeof globalThis.fetch, first: StoredSession, sessions: SessionStore, locks: Locks | undefined,
): [Token, () => Promise<void>] {
  let mine = first
  let renewal: Promise<string> | undefined
  let kept: Promise<void> | undefined
  let ahead = 0 // the server's clock of this one, as far as a token that was just made has told
  const rest = api(url, fetch)

  // What is stored of this very sign-in is as new as `first`, or newer: another tab may have renewed it.
  async function keep(): Promise<void> {
    const stored = await sessions.load()
    if (stored?.session.id === first.session.id) mine = stored
    else await sessions.save(first)
  }

  async function renew(refused?: string): Promise<string> {
    const stored = await sessions.load()
    if (stored?.user.id !== first.user.id) throw new ParleyError("unauthenticated", "signed out", 401)
    mine = stored
    if (!usable(mine, ahead, refused)) {
      // A refresh whose answer is lost must be asked for with the same key again, also by another tab or after a reload: without it the
      // server takes the token for a stolen one.
      if (!mine.renewal) await sessions.save((mine = { ...mine, renewal: uuid() }))
      mine = await rest.refresh({ refresh_token: mine.session.refresh_token }, { key: mine.renewal! })
      ahead = (claims(mine.session.access_token).iat ?? Date.now() / 1000) * 1000 - Date.now()
      await sessions.save(mine)
    }
    return mine.session.access_token
  }

  return [async (refused) => {
    await (kept ??= keep())
    if (usable(mine, ahead, refused)) return mine.session.access_token
    return (renewal ??= alone(locks, `parley-refresh-${first.user.id}`, () => renew(refused)).finally(() => (renewal = undefined)))
  }, async () => {
    if ((await sessions.load())?.session.id === mine.session.id) await sessions.clear()
  }]
}

/** The same for tokens that the program's own backend makes. `enter` sees each before it is used. @internal */
export function asking(give: () => Promise<string>, enter: (token: string) => Promise<void>): Token {
  let token: Promise<string> | undefined
  let known: string | undefined
  async function ask(): Promise<string> {
    const given = await give()
    await enter(given)
    return (known = given)
  }
  return async (refused) => {
    if (!token || (refused !== undefined && known === refused)) {
      known = undefined
      token = ask()
      token.catch(() => (token = undefined))
    }
    return token
  }
}
