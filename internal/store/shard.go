package store

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/parley-chat/parley/internal/chat"
)

// Shard is one partition, owned: nobody else commits to it until it is released
// or claimed again. Calls are safe for concurrent use, but commits come from one
// worker.
type Shard struct {
	s    *Store
	part int

	mu       sync.Mutex
	held     hold
	position chat.Position
}

// Claim takes a partition: from now on commits of its earlier owner fail with
// [chat.ErrNotOwner]. While another process holds the partition, that is what
// Claim itself fails with.
func (s *Store) Claim(ctx context.Context, partition int) (*Shard, error) {
	held, err := s.db.claim(ctx, partition)
	if err != nil {
		return nil, err
	}
	h := &Shard{s: s, part: partition, held: held}
	if h.position, err = held.position(ctx); err != nil {
		return nil, errors.Join(err, held.release(context.WithoutCancel(ctx)))
	}
	return h, nil
}

func readPosition(q tx, part int) (p chat.Position, err error) {
	err = q.together(positionOf(part, &p))
	return p, err
}

// positionOf asks where a partition stands.
func positionOf(part int, p *chat.Position) question {
	return onceInto(`SELECT epoch, log_seq, envelope, n FROM partitions WHERE part = $1`, []any{part},
		&p.Epoch, &p.Seq, &p.Envelope, &p.N)
}

// Position is where the partition stands as far as this shard knows: since it
// was claimed, reloaded or last committed to.
func (h *Shard) Position() chat.Position {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.position
}

// Reload reads the position again, as one does when the outcome of a commit is
// unknown. It fails with [chat.ErrNotOwner] when somebody else has claimed the
// partition, or could: it is not held any more.
func (h *Shard) Reload(ctx context.Context) (chat.Position, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	p, err := h.held.position(ctx)
	if err != nil {
		return p, err
	}
	if p.Epoch != h.position.Epoch {
		return p, chat.ErrNotOwner
	}
	h.position = p
	return p, nil
}

// Ping says whether a commit would reach the database and find this shard still
// its owner.
func (h *Shard) Ping(ctx context.Context) error {
	_, err := h.Reload(ctx)
	return err
}

// Release gives the partition up: later commits through this shard fail.
func (h *Shard) Release(ctx context.Context) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.position.Epoch = 0
	return h.held.release(ctx)
}

// Commit makes everything in c true, or nothing. It is durable when Commit
// returns nil. It sets each event's feed number, batch and, where there is none
// yet, commit time.
//
// Errors: [chat.ErrNotOwner], [chat.ErrRepeat] and [chat.ErrUnreachable] mean
// what they say; any other is c's own fault.
func (h *Shard) Commit(ctx context.Context, c *chat.Commit) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if err := h.check(c); err != nil {
		return err
	}
	err := h.held.commit(ctx, h, c)
	if err != nil {
		return refusal(err)
	}
	h.position = c.To
	return nil
}

func (h *Shard) check(c *chat.Commit) error {
	switch {
	case c.From != h.position:
		return fmt.Errorf("%w: it stands at %+v, the commit continues %+v", chat.ErrNotOwner, h.position, c.From)
	case c.Partition != h.part || c.To.Epoch != c.From.Epoch:
		return errors.New("the commit is another partition's or epoch's")
	case c.To.N != c.From.N+uint64(len(c.Events)):
		return fmt.Errorf("%d events cannot move the feed from %d to %d", len(c.Events), c.From.N, c.To.N)
	}
	return nil
}

// refusal says what a broken uniqueness means to the worker.
func refusal(err error) error {
	switch columns := violated(err); {
	case strings.Contains(columns, "events.nonce"):
		return fmt.Errorf("%w: %w", chat.ErrRepeat, err)
	case strings.Contains(columns, "events."):
		return fmt.Errorf("%w: %w", chat.ErrNotOwner, err)
	}
	return err
}

func (h *Shard) commit(q tx, c *chat.Commit) error {
	changed, err := q.exec(`UPDATE partitions SET log_seq = $1, envelope = $2, n = $3
		WHERE part = $4 AND epoch = $5 AND log_seq = $6 AND envelope = $7 AND n = $8`,
		c.To.Seq, c.To.Envelope, c.To.N, h.part, c.From.Epoch, c.From.Seq, c.From.Envelope, c.From.N)
	if err != nil {
		return err
	}
	if changed == 0 {
		return chat.ErrNotOwner
	}
	number(c, h.s.millis())
	for _, e := range c.Events {
		if err := insertEvent(q, h.part, e); err != nil {
			return err
		}
	}
	return commitRest(q, h.part, c)
}

// number gives the events of a commit what only the commit knows.
func number(c *chat.Commit, now int64) {
	for i, e := range c.Events {
		e.N, e.Origin.Batch = c.From.N+uint64(i)+1, c.From.N+1
		if e.Origin.Committed == 0 {
			e.Origin.Committed = now
		}
	}
}

func insertEvent(q tx, part int, e *chat.Event) error {
	extra, err := packBody(&e.Body)
	if err != nil {
		return err
	}
	var text any
	if e.Kind == chat.KindMessage || e.Kind == chat.KindEdit {
		text = e.Body.Text
	}
	_, err = q.exec(`INSERT INTO events (n, part, room, seq, id, kind, by, at, nonce, target, thread, text, extra,
		messages, gateway, log_seq, batch, committed)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18)`,
		e.N, part, e.Room, e.Seq, e.ID, e.Kind, e.By, e.At, packNonce(e.Nonce), opt(e.Target), opt(e.Body.Thread),
		text, extra, e.Messages, e.Origin.Gateway, e.Origin.LogSeq, e.Origin.Batch, e.Origin.Committed)
	return err
}

// upsertRoom keeps what a room's newest event does not say.
func upsertRoom(q tx, r *chat.Info) error {
	_, err := q.exec(`INSERT INTO rooms (id, kind, name, folded, handle, topic, created_at, created_by, member_count, owners, read_only, archived)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
		ON CONFLICT (id) DO UPDATE SET name = excluded.name, folded = excluded.folded, topic = excluded.topic,
		member_count = excluded.member_count, owners = excluded.owners, read_only = excluded.read_only, archived = excluded.archived`,
		r.ID, r.Kind, r.Name, fold(r.Name), r.Handle, r.Topic, r.CreatedAt, r.CreatedBy, r.MemberCount, r.Owners, r.ReadOnly, r.Archived)
	return err
}

// commitRest does to the other tables what a commit's events, which are there
// already, say, and keeps what comes with them.
func commitRest(q tx, part int, c *chat.Commit) error {
	settled := map[chat.RoomID]bool{} // rooms of which more has changed than the newest event says
	for _, e := range c.Events {
		if err := project(q, e); err != nil {
			return err
		}
		if e.Kind == chat.KindMember || e.Kind == chat.KindRoom {
			settled[e.Room] = true
		}
	}
	for i := range c.Rooms {
		if settled[c.Rooms[i].ID] {
			if err := upsertRoom(q, &c.Rooms[i]); err != nil {
				return err
			}
		}
	}
	for _, a := range c.Aliases {
		if err := insertAlias(q, a); err != nil {
			return err
		}
	}
	for _, d := range c.Dead {
		command, err := packCommand(&d.Command)
		if err != nil {
			return err
		}
		_, err = q.exec(`INSERT INTO dead_commands (part, log_seq, id, command, reason, at)
			VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING`,
			part, d.LogSeq, d.Command.ID, command, d.Reason, d.At)
		if err != nil {
			return err
		}
	}
	return nil
}
