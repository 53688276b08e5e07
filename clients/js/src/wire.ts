// Written by scripts/types.mjs from the descriptions that the server publishes. Do not edit.

export interface components {
    schemas: {
        AdminEditInBody: {
            banned?: boolean;
            role?: "owner" | "admin" | "member" | "guest" | "bot";
        };
        Body: {
            attachments?: unknown[];
            /** the message was deleted and its body cleared */
            deleted?: boolean;
            emoji?: string;
            handle?: string;
            kind?: "channel" | "group" | "direct";
            members?: string[];
            mention_all?: boolean;
            mentions?: string[];
            meta?: {
                [key: string]: unknown;
            };
            name?: string;
            /**
             * reaction: add, remove; member: join, leave, add, remove, role; room: the others
             */
            op?: "add" | "remove" | "join" | "leave" | "role" | "create" | "rename" | "topic" | "settings" | "archive";
            read_only?: boolean;
            reply_to?: number;
            role?: "owner" | "moderator" | "member";
            text?: string;
            thread?: number;
            topic?: string;
            user?: string;
        };
        Capabilities: {
            features: string[];
            limits: components["schemas"]["Limits"];
            /**
             * of this door: 1
             */
            protocol: number;
            signup: "open" | "invite" | "closed";
            /** of the server */
            version: string;
        };
        CreateInviteInBody: {
            /**
             * @default 604800
             */
            expires_in_s?: number;
            /**
             * how many people can sign up with it
             * @default 1
             */
            max_uses?: number;
            /** a channel or group to add them to */
            room?: string;
        };
        CreateRoomInBody: {
            /** a channel's unique short name */
            handle?: string;
            kind: "channel" | "group" | "direct";
            /** user ids, or `@usernames` */
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
            notify?: "all" | "mentions" | "none";
        };
        EditRoomInBody: {
            name?: string;
            /** only moderators and owners write */
            read_only?: boolean;
            topic?: string;
        };
        Event: {
            /** Format: date-time */
            at: string;
            body: components["schemas"]["Body"];
            by: string;
            id: string;
            kind: "message" | "edit" | "delete" | "reaction" | "member" | "room";
            /** only for the author, in acks and answers */
            nonce?: string;
            room: string;
            /**
             * 1, 2, 3 … in the room, without holes
             */
            seq: number;
            /**
             * edit, delete, reaction: the message's number
             */
            target?: number;
        };
        EventsOutBody: {
            events: components["schemas"]["Event"][];
            /**
             * the room's newest number: there is more while the last event is before it
             */
            head: number;
        };
        HistoryOutBody: {
            has_more: boolean;
            /**
             * the room's newest number
             */
            head: number;
            messages: components["schemas"]["Message"][];
        };
        Hit: {
            /** [start, end) in bytes of the text's UTF-8 */
            highlights: number[][];
            message: components["schemas"]["Message"];
            room: string;
        };
        Invite: {
            /** only in the answer to who makes it */
            code?: string;
            /** Format: date-time */
            created_at: string;
            created_by: string;
            /** Format: date-time */
            expires_at: string;
            id: string;
            max_uses: number;
            /** who signs up with it is added to this room */
            room?: string;
            /** the link to hand on; as code */
            url?: string;
            uses: number;
        };
        InvitedRoom: {
            id: string;
            kind: "channel" | "group";
            name: string;
        };
        InvitesOutBody: {
            invites: components["schemas"]["Invite"][];
            next_cursor?: string;
        };
        Limits: {
            /**
             * pieces in a message
             */
            attachments: number;
            emoji: number;
            /**
             * people a room is created with
             */
            first_members: number;
            frame: number;
            heartbeat_s: number;
            meta: number;
            nonce: number;
            /**
             * entries in a list
             */
            page_size: number;
            /**
             * events per room that a hello replays unless it says otherwise
             */
            replay_default: number;
            room_name: number;
            room_topic: number;
            sockets_per_user: number;
            text: number;
            /**
             * in watch_presence
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
            attachments?: unknown[];
            by: string;
            deleted?: boolean;
            /** Format: date-time */
            edited_at?: string;
            id: string;
            mention_all?: boolean;
            mentions?: string[];
            meta?: {
                [key: string]: unknown;
            };
            reactions: components["schemas"]["Reaction"][];
            reply_count?: number;
            reply_to?: number;
            room: string;
            seq: number;
            text: string;
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
            status: "online" | "away" | "busy" | "offline";
            status_text?: string;
            user: string;
        };
        PresenceOutBody: {
            presence: components["schemas"]["Presence"][];
        };
        Problem: {
            /**
             * stable, the same on the socket
             */
            code: "invalid" | "malformed" | "unauthenticated" | "forbidden" | "not_found" | "conflict" | "too_large" | "rate_limited" | "unavailable" | "internal";
            /** a sentence for a person */
            detail: string;
            status: number;
            title: string;
            /** with unavailable and internal: what to look for in the server's logs */
            trace?: string;
            /** urn:parley:<code> */
            type: string;
        };
        Queued: {
            /** what the event will be called */
            id: string;
            nonce: string;
        };
        Reaction: {
            count: number;
            emoji: string;
            me: boolean;
            /** the first 20 of them */
            users: string[];
        };
        ReadInBody: {
            seq: number;
        };
        Receipt: {
            delivered: number;
            read: number;
            user: string;
        };
        ReceiptsOutBody: {
            next_cursor?: string;
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
            delivered?: number;
            favourite?: boolean;
            handle?: string;
            /**
             * the newest event's number
             */
            head: number;
            id: string;
            kind: "channel" | "group" | "direct";
            /** the newest event */
            last?: components["schemas"]["Event"];
            member_count: number;
            /**
             * of me or of all, after it
             */
            mentions?: number;
            muted?: boolean;
            name: string;
            notify?: "all" | "mentions" | "none";
            /** direct rooms: the other one */
            peer?: components["schemas"]["User"];
            /**
             * the number up to which I have read
             */
            read?: number;
            read_only: boolean;
            /**
             * mine; this and what follows is for members
             */
            role?: "owner" | "moderator" | "member";
            topic: string;
            /**
             * messages after it
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
            /** a JSON array of at most 10 */
            attachments?: unknown;
            /** a JSON object of at most 4 KiB that is kept and handed on */
            meta?: unknown;
            /** the same as Idempotency-Key */
            nonce?: string;
            reply_to?: number;
            /** at most 32 KiB; may be empty only with attachments or meta */
            text?: string;
            /**
             * the root's number
             */
            thread?: number;
        };
        SessionsOutBody: {
            sessions: components["schemas"]["Login"][];
        };
        SetMemberInBody: {
            role?: "owner" | "moderator" | "member";
        };
        SignInInBody: {
            /** how the session is called in the list of sessions */
            device?: string;
            password: string;
            username: string;
        };
        SignUpInBody: {
            device?: string;
            display_name?: string;
            /** the code of an invite; needed where signup is invite */
            invite?: string;
            /** 8 to 128 bytes */
            password: string;
            /** 1 to 32 of a-z, 0-9, dot, underscore and hyphen; case is folded */
            username: string;
        };
        SignedIn: {
            session: components["schemas"]["Tokens"];
            user: components["schemas"]["User"];
        };
        Stats: {
            dead_commands: number;
            events: number;
            messages: number;
            rooms: number;
            users: number;
        };
        Tokens: {
            /** Format: date-time */
            access_expires_at: string;
            access_token: string;
            id: string;
            /** good for one refresh */
            refresh_token: string;
        };
        User: {
            /** for admins only */
            banned?: boolean;
            /** Format: date-time */
            created_at: string;
            deleted?: boolean;
            display_name: string;
            id: string;
            kind: "person" | "bot";
            /**
             * system: Parley itself, where it acts by itself
             */
            role: "owner" | "admin" | "member" | "guest" | "bot" | "system";
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
            /** left out where nothing needed changing */
            event?: components["schemas"]["Event"];
            ref?: string;
            type: "ack";
        };
        AuthFrame: {
            ref: string;
            token: string;
            type: "auth";
        };
        ByeFrame: {
            reason: string;
            reconnect_after_ms: number;
            type: "bye";
        };
        CursorsFrame: {
            cursors: {
                [key: string]: number;
            };
            more?: boolean;
            type: "cursors";
        };
        DeleteFrame: {
            nonce?: string;
            ref: string;
            room: string;
            seq: number;
            type: "delete";
        };
        DeliveredFrame: {
            room: string;
            seq: number;
            type: "delivered";
        };
        EditFrame: {
            nonce?: string;
            ref: string;
            room: string;
            seq: number;
            text: string;
            type: "edit";
        };
        ErrorFrame: {
            code: "invalid" | "malformed" | "unauthenticated" | "forbidden" | "not_found" | "conflict" | "too_large" | "rate_limited" | "unavailable" | "internal";
            detail: string;
            ref?: string;
            retry_after_ms?: number;
            /** with unavailable and internal: what to look for in the server's logs */
            trace?: string;
            type: "error";
        };
        EventFrame: {
            event: components["schemas"]["Event"];
            type: "event";
        };
        EventsAskFrame: {
            after: number;
            /**
             * default 50, at most 200
             */
            limit?: number;
            ref: string;
            room: string;
            type: "events";
        };
        EventsFrame: {
            events: components["schemas"]["Event"][];
            head: number;
            ref?: string;
            room: string;
            type: "events";
        };
        HelloFrame: {
            /** by room, the last number that the client has */
            cursors?: {
                [key: string]: number;
            };
            device?: string;
            /** cursors frames follow */
            more?: boolean;
            /**
             * events per room that are replayed at most; default 500
             */
            replay_limit?: number;
            /** an access token; a Bearer header makes it optional */
            token?: string;
            type: "hello";
        };
        JoinFrame: {
            nonce?: string;
            ref: string;
            room: string;
            type: "join";
        };
        LeaveFrame: {
            nonce?: string;
            ref: string;
            room: string;
            type: "leave";
        };
        PingFrame: {
            type: "ping";
        };
        PongFrame: {
            type: "pong";
        };
        PresenceFrame: {
            /** Format: date-time */
            last_active?: string;
            status: "online" | "away" | "busy" | "offline";
            status_text?: string;
            type: "presence";
            user: string;
        };
        ReactFrame: {
            emoji: string;
            nonce?: string;
            op: "add" | "remove";
            ref: string;
            room: string;
            seq: number;
            type: "react";
        };
        ReadFrame: {
            room: string;
            seq: number;
            type: "read";
        };
        ReceiptFrame: {
            delivered?: number;
            read?: number;
            room: string;
            type: "receipt";
            user: string;
        };
        ResetFrame: {
            head: number;
            room: string;
            type: "reset";
        };
        RoomFrame: {
            room: components["schemas"]["Room"];
            type: "room";
        };
        RoomGoneFrame: {
            room: string;
            type: "room_gone";
        };
        SendFrame: {
            attachments?: unknown;
            meta?: unknown;
            /** repeating a message with it is harmless */
            nonce?: string;
            ref: string;
            reply_to?: number;
            room: string;
            /** at most 32 KiB; may be empty only with attachments or meta */
            text: string;
            thread?: number;
            type: "send";
        };
        ServerFacts: {
            version: string;
        };
        StatusFrame: {
            ref?: string;
            status: "online" | "away" | "busy" | "offline";
            text?: string;
            type: "status";
        };
        TruncatedFrame: {
            /**
             * events before it were left out: fetch them
             */
            from: number;
            room: string;
            type: "truncated";
        };
        TypedFrame: {
            on: boolean;
            room: string;
            type: "typing";
            user: string;
        };
        TypingFrame: {
            on: boolean;
            room: string;
            type: "typing";
        };
        UserFrame: {
            type: "user";
            user: components["schemas"]["User"];
        };
        WatchPresenceFrame: {
            ref: string;
            type: "watch_presence";
            users: string[];
        };
        WelcomeFrame: {
            heartbeat_s: number;
            /** at most 500; the others follow as room frames */
            rooms: components["schemas"]["Room"][];
            server: components["schemas"]["ServerFacts"];
            session: string;
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
