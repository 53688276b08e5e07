import type { Api } from "./api.generated.ts"
import type { Status, User } from "./model.ts"
import { Observable } from "./observable.ts"
import type { Wire } from "./wire.ts"

/** How many ids one lookup takes. */
const batch = 1_000
/** How many people are kept for a start without a network. */
const kept = 2_000

/** The people that this client knows. */
export class Directory extends Observable {
  #api: Api
  #users = new Map<string, User>()
  #wanted = new Set<string>()
  #asked = new Set<string>()

  /** @internal */
  constructor(api: Api) {
    super()
    this.#api = api
  }

  /**
   * Somebody, if they are known. Who is not, or was not asked for on this connection, is asked for, and a change is told. The server
   * tells of changed profiles of those whose presence is watched.
   */
  get(id: string): User | undefined {
    if (!this.#asked.has(id)) {
      if (!this.#wanted.size) setTimeout(() => void this.#ask(), 10) // for all that one rendering wants
      this.#wanted.add(id)
      this.#asked.add(id)
    }
    return this.#users.get(id)
  }

  /** People whose name or username begins so. `@` before it is ignored. */
  async find(query: string): Promise<User[]> {
    const { users } = await this.#api.findUsers({ query: query.replace(/^@/, "") })
    this.learn(users)
    return users
  }

  /** Somebody, if they are known. @internal */
  known(id: string): User | undefined {
    return this.#users.get(id)
  }

  /** `fresh`: the server has just said so. @internal */
  learn(users: readonly User[], fresh = true): void {
    for (const user of users) {
      this.#users.set(user.id, user)
      if (fresh) this.#asked.add(user.id)
    }
    if (users.length) this.changed()
  }

  /** There is another connection: what is known may be old. @internal */
  retry(): void {
    this.#asked.clear()
    this.changed()
  }

  /** What to store. @internal */
  all(): User[] {
    return [...this.#users.values()].slice(-kept)
  }

  async #ask(): Promise<void> {
    const ids = [...this.#wanted]
    this.#wanted.clear()
    for (let at = 0; at < ids.length; at += batch) {
      const part = ids.slice(at, at + batch)
      try {
        this.learn((await this.#api.lookupUsers({ ids: part })).users)
      } catch {
        // They are asked for again on the next connection.
      }
    }
  }
}

/** What is shown of somebody's presence. */
export interface Presence {
  readonly status: Status
  readonly status_text?: string
}

const away: Presence = { status: "offline" }

/** How present the people are whom this client watches. */
export class PresenceList extends Observable {
  #presence = new Map<string, Presence>()

  /** `offline` for whom nothing is known of. */
  get(id: string): Presence {
    return this.#presence.get(id) ?? away
  }

  /** @internal */
  take({ user, status, status_text }: Pick<Wire<"PresenceFrame">, "user" | "status" | "status_text">): void {
    this.#presence.set(user, { status, ...(status_text && { status_text }) })
    this.changed()
  }
}
