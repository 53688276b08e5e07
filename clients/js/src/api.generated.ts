// Written by scripts/types.mjs from the descriptions that the server publishes. Do not edit.

import type { CallOptions } from "./rest.ts"
import type { Wire } from "./wire.ts"

/** Every call of the REST interface, under its operationId. Each throws a {@link ParleyError} when it is refused. */
export interface Api {
  /** Make an account and sign it in */
  signUp(input: Wire<"SignUpInBody">, options?: CallOptions): Promise<Wire<"SignedIn">>
  /** Every room */
  adminListRooms(input?: {
    limit?: number
    /** next_cursor of the page before */
    cursor?: string
    query?: string
  }, options?: CallOptions): Promise<Wire<"RoomsOutBody">>
  /** Counts */
  adminStats(input?: undefined, options?: CallOptions): Promise<Wire<"Stats">>
  /** Everybody, also the banned and the gone */
  adminListUsers(input?: {
    limit?: number
    /** next_cursor of the page before */
    cursor?: string
    query?: string
  }, options?: CallOptions): Promise<Wire<"UsersOutBody">>
  /** Give an org role, ban, unban */
  adminEditUser(input: {
    /** an id, or `@username` */
    user: string
  } & Wire<"AdminEditInBody">, options?: CallOptions): Promise<Wire<"User">>
  /** What this server can do and allows */
  capabilities(input?: undefined, options?: CallOptions): Promise<Wire<"Capabilities">>
  /** Every invite, the newest first, also those that let nobody in any more */
  listInvites(input?: {
    limit?: number
    /** next_cursor of the page before */
    cursor?: string
  }, options?: CallOptions): Promise<Wire<"InvitesOutBody">>
  /** Make a link with which people sign up; for owners and admins */
  createInvite(input?: Wire<"CreateInviteInBody">, options?: CallOptions): Promise<Wire<"Invite">>
  /** Who invites with this code, and where to */
  lookupInvite(input: Wire<"LookupInviteInBody">, options?: CallOptions): Promise<Wire<"Welcome">>
  /** Withdraw an invite; who came with it stays */
  endInvite(input: {
    id: string
  }, options?: CallOptions): Promise<undefined>
  /** My rooms, the most recently active first or by id, or with scope=public the channels */
  listRooms(input?: {
    limit?: number
    /** next_cursor of the page before */
    cursor?: string
    scope?: "mine" | "public"
    /** with scope=public: the beginning of a name or handle */
    query?: string
    /** of my rooms; by id no page misses a room that becomes active meanwhile */
    order?: "activity" | "id"
  }, options?: CallOptions): Promise<Wire<"RoomsOutBody">>
  /** Make a room */
  createRoom(input: Wire<"CreateRoomInBody">, options?: CallOptions): Promise<Wire<"Room">>
  /** Archive a room; its history stays */
  archiveRoom(input: {
    room: string
  }, options?: CallOptions): Promise<undefined>
  /** One room */
  getRoom(input: {
    room: string
  }, options?: CallOptions): Promise<Wire<"Room">>
  /** Change name, topic or who may write */
  editRoom(input: {
    room: string
  } & Wire<"EditRoomInBody">, options?: CallOptions): Promise<Wire<"Room">>
  /** What happened after a number: for catching up */
  events(input: {
    room: string
    after?: number
    limit?: number
  }, options?: CallOptions): Promise<Wire<"EventsOutBody">>
  /** Enter a channel */
  joinRoom(input: {
    room: string
  }, options?: CallOptions): Promise<Wire<"Room">>
  /** Leave a room */
  leaveRoom(input: {
    room: string
  }, options?: CallOptions): Promise<undefined>
  /** My own settings of a room */
  editMyRoom(input: {
    room: string
  } & Wire<"EditMineInBody">, options?: CallOptions): Promise<Wire<"Room">>
  /** Who is in a room */
  listMembers(input: {
    room: string
    limit?: number
    /** next_cursor of the page before */
    cursor?: string
  }, options?: CallOptions): Promise<Wire<"MembersOutBody">>
  /** Put somebody out of a room */
  removeMember(input: {
    room: string
    /** an id, or `@username` */
    user: string
  }, options?: CallOptions): Promise<undefined>
  /** Add somebody, or change their role */
  setMember(input: {
    room: string
    /** an id, or `@username` */
    user: string
  } & Wire<"SetMemberInBody">, options?: CallOptions): Promise<Wire<"Member">>
  /** Messages as they stand now, ascending */
  history(input: {
    room: string
    /** of before, after, around and around_time at most one; none: the newest */
    before?: number
    /** 0: the oldest */
    after?: number
    around?: number
    /** around what was first said at or after this time */
    around_time?: string
    /** only this thread: its root and the replies */
    thread?: number
    limit?: number
  }, options?: CallOptions): Promise<Wire<"HistoryOutBody">>
  /** Say something, and wait for its event */
  sendMessage(input: {
    room: string
  } & Wire<"SendInBody">, options?: CallOptions): Promise<Wire<"Event"> | Wire<"Queued">>
  /** Clear a message; its number stays */
  deleteMessage(input: {
    room: string
    seq: number
  }, options?: CallOptions): Promise<Wire<"Event"> | undefined>
  /** Change a message's text */
  editMessage(input: {
    room: string
    seq: number
  } & Wire<"EditInBody">, options?: CallOptions): Promise<Wire<"Event">>
  /** Take an emoji away */
  unreact(input: {
    room: string
    seq: number
    emoji: string
  }, options?: CallOptions): Promise<Wire<"Event"> | undefined>
  /** Put an emoji under a message */
  react(input: {
    room: string
    seq: number
    emoji: string
  }, options?: CallOptions): Promise<Wire<"Event"> | undefined>
  /** Who of a room is connected now */
  online(input: {
    room: string
  }, options?: CallOptions): Promise<Wire<"OnlineOutBody">>
  /** I have read up to this number */
  markRead(input: {
    room: string
  } & Wire<"ReadInBody">, options?: CallOptions): Promise<undefined>
  /** How far everybody has read */
  receipts(input: {
    room: string
    limit?: number
    /** next_cursor of the page before */
    cursor?: string
  }, options?: CallOptions): Promise<Wire<"ReceiptsOutBody">>
  /** Messages with these words in my rooms, the newest first */
  search(input: {
    limit?: number
    /** next_cursor of the page before */
    cursor?: string
    q: string
    /** only this room */
    room?: string
    /** only this author: an id, or `@username` */
    from?: string
    /** only what is older */
    before?: string
  }, options?: CallOptions): Promise<Wire<"SearchOutBody">>
  /** My sessions */
  listSessions(input?: undefined, options?: CallOptions): Promise<Wire<"SessionsOutBody">>
  /** Sign in with a password */
  signIn(input: Wire<"SignInInBody">, options?: CallOptions): Promise<Wire<"SignedIn">>
  /** End this session */
  signOut(input?: undefined, options?: CallOptions): Promise<undefined>
  /** Exchange a refresh token; one that was used before revokes its whole family, unless it comes with the same Idempotency-Key */
  refresh(input: Wire<"RefreshInBody">, options?: CallOptions): Promise<Wire<"SignedIn">>
  /** End one of my sessions; its live sockets close within a second */
  endSession(input: {
    id: string
  }, options?: CallOptions): Promise<undefined>
  /** The directory, by the beginning of a name */
  findUsers(input?: {
    limit?: number
    /** next_cursor of the page before */
    cursor?: string
    query?: string
  }, options?: CallOptions): Promise<Wire<"UsersOutBody">>
  /** Many users by name or id; unknown ones are left out */
  lookupUsers(input?: Wire<"LookupInBody">, options?: CallOptions): Promise<Wire<"UsersOutBody">>
  /** Delete my account; what I said stays under a tombstone name */
  deleteMe(input?: undefined, options?: CallOptions): Promise<undefined>
  /** Who I am */
  me(input?: undefined, options?: CallOptions): Promise<Wire<"User">>
  /** Change my profile or password */
  editMe(input?: Wire<"EditMeInBody">, options?: CallOptions): Promise<Wire<"User">>
  /** Who is here */
  presence(input: {
    /** user ids, separated by commas: as many as fit in the address */
    ids: string[]
  }, options?: CallOptions): Promise<Wire<"PresenceOutBody">>
  /** One user */
  getUser(input: {
    /** an id, or `@username` */
    user: string
  }, options?: CallOptions): Promise<Wire<"User">>
}

/** Method and path below /v1/ of each call. */
export const operations: Record<keyof Api, string> = {
  signUp: "POST accounts",
  adminListRooms: "GET admin/rooms",
  adminStats: "GET admin/stats",
  adminListUsers: "GET admin/users",
  adminEditUser: "PATCH admin/users/{user}",
  capabilities: "GET capabilities",
  listInvites: "GET invites",
  createInvite: "POST invites",
  lookupInvite: "POST invites/lookup",
  endInvite: "DELETE invites/{id}",
  listRooms: "GET rooms",
  createRoom: "POST rooms",
  archiveRoom: "DELETE rooms/{room}",
  getRoom: "GET rooms/{room}",
  editRoom: "PATCH rooms/{room}",
  events: "GET rooms/{room}/events",
  joinRoom: "POST rooms/{room}/join",
  leaveRoom: "POST rooms/{room}/leave",
  editMyRoom: "PATCH rooms/{room}/me",
  listMembers: "GET rooms/{room}/members",
  removeMember: "DELETE rooms/{room}/members/{user}",
  setMember: "PUT rooms/{room}/members/{user}",
  history: "GET rooms/{room}/messages",
  sendMessage: "POST rooms/{room}/messages",
  deleteMessage: "DELETE rooms/{room}/messages/{seq}",
  editMessage: "PATCH rooms/{room}/messages/{seq}",
  unreact: "DELETE rooms/{room}/messages/{seq}/reactions/{emoji}",
  react: "PUT rooms/{room}/messages/{seq}/reactions/{emoji}",
  online: "GET rooms/{room}/online",
  markRead: "POST rooms/{room}/read",
  receipts: "GET rooms/{room}/receipts",
  search: "GET search",
  listSessions: "GET sessions",
  signIn: "POST sessions",
  signOut: "DELETE sessions/current",
  refresh: "POST sessions/refresh",
  endSession: "DELETE sessions/{id}",
  findUsers: "GET users",
  lookupUsers: "POST users/lookup",
  deleteMe: "DELETE users/me",
  me: "GET users/me",
  editMe: "PATCH users/me",
  presence: "GET users/presence",
  getUser: "GET users/{user}",
}
