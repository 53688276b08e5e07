// Written by scripts/types.mjs from the descriptions that the server publishes. Do not edit.

export interface components {
    schemas: {
        AdminEditInBody: {
            banned?: boolean;
            /** @enum {string} */
            role?: "owner" | "admin" | "member" | "guest" | "bot";
        };
        Body: {
            attachments?: unknown;
            /** @description the message was deleted and its body cleared */
            deleted?: boolean;
            emoji?: string;
            handle?: string;
            kind?: string;
            members?: string[];
            mention_all?: boolean;
            mentions?: string[];
            meta?: unknown;
            name?: string;
            op?: string;
            read_only?: boolean;
            /** Format: int64 */
            reply_to?: number;
            role?: string;
            text?: string;
            /** Format: int64 */
            thread?: number;
            topic?: string;
            user?: string;
        };
        Capabilities: {
            features: string[];
            limits: components["schemas"]["Limits"];
            /**
             * Format: int64
             * @description of this door: 1
             */
            protocol: number;
            /** @enum {string} */
            signup: "open" | "invite" | "closed";
            /** @description of the server */
            version: string;
        };
        CreateInviteInBody: {
            /**
             * Format: int64
             * @default 604800
             */
            expires_in_s: number;
            /**
             * Format: int64
             * @description how many people can sign up with it
             * @default 1
             */
            max_uses: number;
            /** @description a channel or group to add them to */
            room?: string;
        };
        CreateRoomInBody: {
            /** @description a channel's unique short name */
            handle?: string;
            /** @enum {string} */
            kind: "channel" | "group" | "direct";
            /** @description user ids, or @usernames */
            members?: string[];
            name?: string;
            topic?: string;
        };
        EditInBody: {
            text: string;
        };
        EditMeInBody: {
            display_name?: string;
            password?: components["schemas"]["PasswordStruct"];
            status_text?: string;
        };
        EditMineInBody: {
            favourite?: boolean;
            muted?: boolean;
            /** @enum {string} */
            notify?: "all" | "mentions" | "none";
        };
        EditRoomInBody: {
            name?: string;
            /** @description only moderators and owners write */
            read_only?: boolean;
            topic?: string;
        };
        Event: {
            /** Format: date-time */
            at: string;
            body: components["schemas"]["Body"];
            by: string;
            id: string;
            /** @enum {string} */
            kind: "message" | "edit" | "delete" | "reaction" | "member" | "room";
            /** @description only for the author, in acks and answers */
            nonce?: string;
            room: string;
            /**
             * Format: int64
             * @description 1, 2, 3 … in the room, without holes
             */
            seq: number;
            /**
             * Format: int64
             * @description edit, delete, reaction: the message's number
             */
            target?: number;
        };
        EventsOutBody: {
            events: components["schemas"]["Event"][];
            /**
             * Format: int64
             * @description the room's newest number: there is more while the last event is before it
             */
            head: number;
        };
        HistoryOutBody: {
            has_more: boolean;
            /**
             * Format: int64
             * @description the room's newest number
             */
            head: number;
            messages: components["schemas"]["Message"][];
        };
        Hit: {
            /** @description [start, end) in bytes of the text's UTF-8 */
            highlights: number[][];
            message: components["schemas"]["Message"];
            room: string;
        };
        Invite: {
            /** @description only in the answer to who makes it */
            code?: string;
            /** Format: date-time */
            created_at: string;
            created_by: string;
            /** Format: date-time */
            expires_at: string;
            id: string;
            /** Format: int64 */
            max_uses: number;
            /** @description who signs up with it is added to this room */
            room?: string;
            /** @description the link to hand on; as code */
            url?: string;
            /** Format: int64 */
            uses: number;
        };
        InvitedRoom: {
            id: string;
            /** @enum {string} */
            kind: "channel" | "group";
            name: string;
        };
        InvitesOutBody: {
            invites: components["schemas"]["Invite"][];
            next_cursor?: string;
        };
        Limits: {
            /**
             * Format: int64
             * @description pieces in a message
             */
            attachments: number;
            /** Format: int64 */
            emoji: number;
            /**
             * Format: int64
             * @description people a room is created with
             */
            first_members: number;
            /** Format: int64 */
            frame: number;
            /** Format: int64 */
            heartbeat_s: number;
            /** Format: int64 */
            meta: number;
            /** Format: int64 */
            nonce: number;
            /**
             * Format: int64
             * @description entries in a list
             */
            page_size: number;
            /**
             * Format: int64
             * @description events per room that a hello replays unless it says otherwise
             */
            replay_default: number;
            /** Format: int64 */
            room_name: number;
            /** Format: int64 */
            room_topic: number;
            /** Format: int64 */
            sockets_per_user: number;
            /** Format: int64 */
            text: number;
            /**
             * Format: int64
             * @description in watch_presence
             */
            watched_users: number;
        };
        Login: {
            address: string;
            /** Format: date-time */
            created_at: string;
            current: boolean;
            device: string;
            id: string;
            /** Format: date-time */
            last_used_at: string;
        };
        LookupInBody: {
            ids?: string[];
            usernames?: string[];
        };
        LookupInviteInBody: {
            code: string;
        };
        Member: {
            /** Format: date-time */
            joined_at: string;
            /** @enum {string} */
            role: "owner" | "moderator" | "member";
            user: string;
        };
        MembersOutBody: {
            members: components["schemas"]["Member"][];
            next_cursor?: string;
        };
        Message: {
            /** Format: date-time */
            at: string;
            attachments?: unknown;
            by: string;
            deleted?: boolean;
            /** Format: date-time */
            edited_at?: string;
            id: string;
            mention_all?: boolean;
            mentions?: string[];
            meta?: unknown;
            reactions: components["schemas"]["Reaction"][];
            /** Format: int64 */
            reply_count?: number;
            /** Format: int64 */
            reply_to?: number;
            room: string;
            /** Format: int64 */
            seq: number;
            text: string;
            /** Format: int64 */
            thread?: number;
        };
        OnlineOutBody: {
            users: components["schemas"]["Seated"][];
        };
        PasswordStruct: {
            new: string;
            old: string;
        };
        Presence: {
            /** Format: date-time */
            last_active?: string;
            /** @enum {string} */
            status: "online" | "away" | "busy" | "offline";
            status_text?: string;
            user: string;
        };
        PresenceOutBody: {
            presence: components["schemas"]["Presence"][];
        };
        Problem: {
            /**
             * @description stable, the same on the socket
             * @enum {string}
             */
            code: "invalid" | "malformed" | "unauthenticated" | "forbidden" | "not_found" | "conflict" | "too_large" | "rate_limited" | "unavailable" | "internal";
            /** @description a sentence for a person */
            detail: string;
            /** Format: int64 */
            status: number;
            title: string;
            /** @description urn:parley:<code> */
            type: string;
        };
        Queued: {
            /** @description what the event will be called */
            id: string;
            nonce: string;
        };
        Reaction: {
            /** Format: int64 */
            count: number;
            emoji: string;
            me: boolean;
            /** @description the first 20 of them */
            users: string[];
        };
        ReadInBody: {
            /** Format: int64 */
            seq: number;
        };
        Receipt: {
            /** Format: int64 */
            delivered: number;
            /** Format: int64 */
            read: number;
            user: string;
        };
        ReceiptsOutBody: {
            receipts: components["schemas"]["Receipt"][];
        };
        RefreshInBody: {
            refresh_token: string;
        };
        Room: {
            archived: boolean;
            /** Format: date-time */
            created_at: string;
            created_by: string;
            /** Format: int64 */
            delivered?: number;
            favourite?: boolean;
            handle?: string;
            /**
             * Format: int64
             * @description the newest event's number
             */
            head: number;
            id: string;
            /** @enum {string} */
            kind: "channel" | "group" | "direct";
            /** @description the newest event */
            last?: components["schemas"]["Event"];
            /** Format: int64 */
            member_count: number;
            /**
             * Format: int64
             * @description of me or of all, after it
             */
            mentions?: number;
            muted?: boolean;
            name: string;
            /** @enum {string} */
            notify?: "all" | "mentions" | "none";
            /** @description direct rooms: the other one */
            peer?: components["schemas"]["User"];
            /**
             * Format: int64
             * @description the number up to which I have read
             */
            read?: number;
            read_only: boolean;
            /**
             * @description mine; this and what follows is for members
             * @enum {string}
             */
            role?: "owner" | "moderator" | "member";
            topic: string;
            /**
             * Format: int64
             * @description messages after it
             */
            unread?: number;
        };
        RoomsOutBody: {
            next_cursor?: string;
            rooms: components["schemas"]["Room"][];
        };
        SearchOutBody: {
            next_cursor?: string;
            results: components["schemas"]["Hit"][];
        };
        Seated: {
            id: string;
            username: string;
        };
        SendInBody: {
            /** @description a JSON array of at most 10 */
            attachments?: unknown;
            /** @description a JSON object of at most 4 KiB that is kept and handed on */
            meta?: unknown;
            /** @description the same as Idempotency-Key */
            nonce?: string;
            /** Format: int64 */
            reply_to?: number;
            /** @description at most 32 KiB; may be empty only with attachments or meta */
            text?: string;
            /**
             * Format: int64
             * @description the root's number
             */
            thread?: number;
        };
        SessionsOutBody: {
            sessions: components["schemas"]["Login"][];
        };
        SetMemberInBody: {
            /** @enum {string} */
            role?: "owner" | "moderator" | "member";
        };
        SignInInBody: {
            /** @description how the session is called in the list of sessions */
            device?: string;
            password: string;
            username: string;
        };
        SignUpInBody: {
            device?: string;
            display_name?: string;
            /** @description the code of an invite; needed where signup is invite */
            invite?: string;
            /** @description 8 to 128 bytes */
            password: string;
            /** @description 1 to 32 of a-z, 0-9, dot, underscore and hyphen; case is folded */
            username: string;
        };
        SignedIn: {
            session: components["schemas"]["Tokens"];
            user: components["schemas"]["User"];
        };
        Stats: {
            /** Format: int64 */
            dead_commands: number;
            /** Format: int64 */
            events: number;
            /** Format: int64 */
            messages: number;
            /** Format: int64 */
            rooms: number;
            /** Format: int64 */
            users: number;
        };
        Tokens: {
            /** Format: date-time */
            access_expires_at: string;
            access_token: string;
            id: string;
            /** @description good for one refresh */
            refresh_token: string;
        };
        User: {
            /** @description for admins only */
            banned?: boolean;
            /** Format: date-time */
            created_at: string;
            deleted?: boolean;
            display_name: string;
            id: string;
            /** @enum {string} */
            kind: "person" | "bot";
            /** @enum {string} */
            role: "owner" | "admin" | "member" | "guest" | "bot";
            status_text?: string;
            username: string;
        };
        UsersOutBody: {
            next_cursor?: string;
            users: components["schemas"]["User"][];
        };
        Welcome: {
            /** Format: date-time */
            expires_at: string;
            invited_by: components["schemas"]["User"];
            room?: components["schemas"]["InvitedRoom"];
        };
        AckFrame: {
            /** @description left out where nothing needed changing */
            event?: components["schemas"]["Event"];
            ref?: string;
            /** @enum {string} */
            type: "ack";
        };
        AuthFrame: {
            ref: string;
            token: string;
            /** @enum {string} */
            type: "auth";
        };
        ByeFrame: {
            reason: string;
            /** Format: int64 */
            reconnect_after_ms: number;
            /** @enum {string} */
            type: "bye";
        };
        CursorsFrame: {
            cursors: {
                [key: string]: number;
            };
            more?: boolean;
            /** @enum {string} */
            type: "cursors";
        };
        DeleteFrame: {
            nonce?: string;
            ref: string;
            room: string;
            /** Format: int64 */
            seq: number;
            /** @enum {string} */
            type: "delete";
        };
        DeliveredFrame: {
            room: string;
            /** Format: int64 */
            seq: number;
            /** @enum {string} */
            type: "delivered";
        };
        EditFrame: {
            nonce?: string;
            ref: string;
            room: string;
            /** Format: int64 */
            seq: number;
            text: string;
            /** @enum {string} */
            type: "edit";
        };
        ErrorFrame: {
            code: string;
            detail: string;
            ref?: string;
            /** Format: int64 */
            retry_after_ms?: number;
            /** @enum {string} */
            type: "error";
        };
        EventFrame: {
            event: components["schemas"]["Event"];
            /** @enum {string} */
            type: "event";
        };
        EventsAskFrame: {
            /** Format: int64 */
            after: number;
            /**
             * Format: int64
             * @description default 50, at most 200
             */
            limit?: number;
            ref: string;
            room: string;
            /** @enum {string} */
            type: "events";
        };
        EventsFrame: {
            events: components["schemas"]["Event"][];
            /** Format: int64 */
            head: number;
            ref?: string;
            room: string;
            /** @enum {string} */
            type: "events";
        };
        HelloFrame: {
            /** @description by room, the last number that the client has */
            cursors?: {
                [key: string]: number;
            };
            device?: string;
            /** @description cursors frames follow */
            more?: boolean;
            /**
             * Format: int64
             * @description events per room that are replayed at most; default 500
             */
            replay_limit?: number;
            /** @description an access token; a Bearer header makes it optional */
            token?: string;
            /** @enum {string} */
            type: "hello";
        };
        JoinFrame: {
            nonce?: string;
            ref: string;
            room: string;
            /** @enum {string} */
            type: "join";
        };
        LeaveFrame: {
            nonce?: string;
            ref: string;
            room: string;
            /** @enum {string} */
            type: "leave";
        };
        PingFrame: {
            /** @enum {string} */
            type: "ping";
        };
        PongFrame: {
            /** @enum {string} */
            type: "pong";
        };
        PresenceFrame: {
            /** Format: date-time */
            last_active?: string;
            /** @enum {string} */
            status: "online" | "away" | "busy" | "offline";
            status_text?: string;
            /** @enum {string} */
            type: "presence";
            user: string;
        };
        ReactFrame: {
            emoji: string;
            nonce?: string;
            /** @enum {string} */
            op: "add" | "remove";
            ref: string;
            room: string;
            /** Format: int64 */
            seq: number;
            /** @enum {string} */
            type: "react";
        };
        ReadFrame: {
            room: string;
            /** Format: int64 */
            seq: number;
            /** @enum {string} */
            type: "read";
        };
        ReceiptFrame: {
            /** Format: int64 */
            delivered?: number;
            /** Format: int64 */
            read?: number;
            room: string;
            /** @enum {string} */
            type: "receipt";
            user: string;
        };
        ResetFrame: {
            /** Format: int64 */
            head: number;
            room: string;
            /** @enum {string} */
            type: "reset";
        };
        RoomFrame: {
            room: components["schemas"]["Room"];
            /** @enum {string} */
            type: "room";
        };
        RoomGoneFrame: {
            room: string;
            /** @enum {string} */
            type: "room_gone";
        };
        SendFrame: {
            attachments?: unknown;
            meta?: unknown;
            /** @description repeating a message with it is harmless */
            nonce?: string;
            ref: string;
            /** Format: int64 */
            reply_to?: number;
            room: string;
            /** @description at most 32 KiB; may be empty only with attachments or meta */
            text: string;
            /** Format: int64 */
            thread?: number;
            /** @enum {string} */
            type: "send";
        };
        ServerFacts: {
            version: string;
        };
        StatusFrame: {
            ref?: string;
            /** @enum {string} */
            status: "online" | "away" | "busy" | "offline";
            text?: string;
            /** @enum {string} */
            type: "status";
        };
        TruncatedFrame: {
            /**
             * Format: int64
             * @description events before it were left out: fetch them
             */
            from: number;
            room: string;
            /** @enum {string} */
            type: "truncated";
        };
        TypedFrame: {
            on: boolean;
            room: string;
            /** @enum {string} */
            type: "typing";
            user: string;
        };
        TypingFrame: {
            on: boolean;
            room: string;
            /** @enum {string} */
            type: "typing";
        };
        UserFrame: {
            /** @enum {string} */
            type: "user";
            user: components["schemas"]["User"];
        };
        WatchPresenceFrame: {
            ref: string;
            /** @enum {string} */
            type: "watch_presence";
            users: string[];
        };
        WelcomeFrame: {
            /** Format: int64 */
            heartbeat_s: number;
            /** @description at most 500; the others follow as room frames */
            rooms: components["schemas"]["Room"][];
            server: components["schemas"]["ServerFacts"];
            session: string;
            /** @enum {string} */
            type: "welcome";
            user: components["schemas"]["User"];
        };
    };
    responses: never;
    parameters: never;
    requestBodies: never;
    headers: never;
    pathItems: never;
}

/** A shape of the protocol, by the name that its description gives it. */
export type Wire<Name extends keyof components["schemas"]> = components["schemas"][Name]

/** What a client may send on the socket. */
export type ClientFrame =
  | Wire<"HelloFrame">
  | Wire<"CursorsFrame">
  | Wire<"SendFrame">
  | Wire<"EditFrame">
  | Wire<"DeleteFrame">
  | Wire<"ReactFrame">
  | Wire<"JoinFrame">
  | Wire<"LeaveFrame">
  | Wire<"ReadFrame">
  | Wire<"DeliveredFrame">
  | Wire<"TypingFrame">
  | Wire<"WatchPresenceFrame">
  | Wire<"StatusFrame">
  | Wire<"AuthFrame">
  | Wire<"EventsAskFrame">
  | Wire<"PingFrame">

/** What a server sends on the socket. */
export type ServerFrame =
  | Wire<"WelcomeFrame">
  | Wire<"EventFrame">
  | Wire<"AckFrame">
  | Wire<"ErrorFrame">
  | Wire<"RoomFrame">
  | Wire<"RoomGoneFrame">
  | Wire<"TruncatedFrame">
  | Wire<"ResetFrame">
  | Wire<"ReceiptFrame">
  | Wire<"TypedFrame">
  | Wire<"PresenceFrame">
  | Wire<"UserFrame">
  | Wire<"ByeFrame">
  | Wire<"EventsFrame">
  | Wire<"PongFrame">
