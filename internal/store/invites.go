package store

import (
	"context"
	"fmt"
	"strings"

	"github.com/parley-chat/parley/internal/chat"
)

const inviteColumns = `i.id, i.created_by, i.created_at, i.expires_at, i.max_uses, i.uses, i.room`

func inviteDest(i *chat.Invite) []any {
	return []any{&i.ID, &i.CreatedBy, &i.CreatedAt, &i.ExpiresAt, &i.MaxUses, &i.Uses, &i.Room}
}

// goodInvite is what an invite must be at the moment $2 to let somebody in. One
// whose maker may not make invites any more is no good.
const goodInvite = `hash = $1 AND uses < max_uses AND expires_at > $2 AND
	(SELECT u.role FROM users u WHERE u.id = created_by AND u.banned = 0 AND u.deleted = 0) IN ('system', 'owner', 'admin')`

// CreateInvite keeps an invite under the SHA-256 of its code, and returns it, or
// the one that is kept there already.
func (a *Accounts) CreateInvite(ctx context.Context, i chat.Invite, hash [32]byte) (kept chat.Invite, err error) {
	err = a.s.db.write(ctx, ofOthers, func(q tx) error {
		_, err := q.exec(`INSERT INTO invites (id, hash, created_by, created_at, expires_at, max_uses, uses, room) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
			ON CONFLICT (hash) DO NOTHING`, i.ID, hash, i.CreatedBy, i.CreatedAt, i.ExpiresAt, i.MaxUses, i.Uses, i.Room)
		if err == nil {
			_, err = one(q, `SELECT `+inviteColumns+` FROM invites i WHERE i.hash = $1`, []any{hash}, inviteDest(&kept)...)
		}
		return err
	})
	return kept, err
}

// Invites pages through all invites, the newest first, also those that are used
// up or have expired.
func (a *Accounts) Invites(ctx context.Context, behind string, limit int) (list []chat.Invite, next string, err error) {
	key, err := parseCursor(behind, 1)
	if err != nil {
		return nil, "", err
	}
	before := chat.ID([]byte(strings.Repeat("\xff", len(chat.ID{}))))
	if key != nil {
		if before, err = parseID(key[0]); err != nil {
			return nil, "", err
		}
	}
	err = a.s.db.ask(ctx, func(q tx) error {
		return q.query(`SELECT `+inviteColumns+` FROM invites i WHERE i.id < $1 ORDER BY i.id DESC LIMIT $2 + 0`, []any{before, limit + 1}, func(r row) error {
			var i chat.Invite
			err := r.scan(inviteDest(&i)...)
			list = append(list, i)
			return err
		})
	})
	list, next = page(list, limit, func(i *chat.Invite) string { return cursor(cursorID(i.ID)) })
	return list, next, err
}

// EndInvite forgets an invite; nobody comes in with it any more.
func (a *Accounts) EndInvite(ctx context.Context, id chat.ID) error {
	return a.s.db.write(ctx, ofOthers, func(q tx) error {
		changed, err := q.exec(`DELETE FROM invites WHERE id = $1`, id)
		if err == nil && changed == 0 {
			err = chat.Errorf(chat.NotFound, "there is no such invite")
		}
		return err
	})
}

// GoodInvite finds the invite of a code that would let somebody in now.
func (a *Accounts) GoodInvite(ctx context.Context, hash [32]byte, now int64) (i chat.Invite, found bool, err error) {
	err = a.s.db.ask(ctx, func(q tx) (err error) {
		found, err = one(q, `SELECT `+inviteColumns+` FROM invites i WHERE `+goodInvite, []any{hash, now}, inviteDest(&i)...)
		return err
	})
	return i, found, err
}

// Owned says whether somebody has become the owner by signing up first.
func (a *Accounts) Owned(ctx context.Context) (owned bool, err error) {
	err = a.s.db.ask(ctx, func(q tx) error {
		var id string
		owned, err = one(q, `SELECT value FROM meta WHERE key = 'first_owner'`, nil, &id)
		return err
	})
	return owned, err
}

// admit counts the use of the invite that was shown, and refuses who had to show
// one. It returns the command that brings the user into the invite's room, if it
// has one.
func admit(q tx, user chat.UserID, first bool, a *chat.Admission) ([]chat.Command, error) {
	if a.Invite == nil {
		if a.ByInvite && !first {
			return nil, chat.NeedsInvite()
		}
		return nil, nil
	}
	used, err := q.exec(`UPDATE invites SET uses = uses + 1 WHERE `+goodInvite, *a.Invite, a.At)
	if err != nil {
		return nil, err
	}
	if used == 0 {
		return nil, chat.BadInvite()
	}
	var i chat.Invite
	var role chat.OrgRole
	_, err = one(q, `SELECT `+inviteColumns+`, u.role FROM invites i JOIN users u ON u.id = i.created_by WHERE i.hash = $1`,
		[]any{*a.Invite}, append(inviteDest(&i), &role)...)
	if err != nil || i.Room.IsZero() {
		return nil, err
	}
	return []chat.Command{{
		ID: chat.NewID(), Room: i.Room, By: i.CreatedBy, As: role, Nonce: fmt.Sprintf("invite:%s:%s", i.ID, user),
		Kind: chat.KindMember, Asked: a.At, Body: chat.Body{Op: chat.OpAdd, User: user},
	}}, nil
}
