package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/parley-chat/parley/test/chaos/history"
	"github.com/parley-chat/parley/test/chaos/load"
	"github.com/parley-chat/parley/test/chaos/town"
)

// How great a room is, and how many rooms somebody is in.
const (
	greatMembers = 100_000
	manyOwnRooms = 5_000
)

// afterMany is how soon somebody with many rooms is answered who comes back: their
// rooms are listed first.
const afterMany = 20 * time.Second

// makeGreatRoom makes a room of a hundred thousand members, of whom some twenty
// are ever here. Most are written into the database while nobody owns the room:
// the events that let them in, as if an owner had committed them.
func makeGreatRoom(ctx context.Context, s *scene) (err error) {
	sequencers := s.town.Kind("sequencer")
	s.great, err = s.load.AddGreatRoom(ctx, 20, func(room string) error {
		if err := all(sequencers, (*town.Proc).Stop); err != nil {
			return err
		}
		_, err := s.town.SQL(ctx, fmt.Sprintf(fillRoom, room, greatMembers))
		return errors.Join(err, all(sequencers, func(p *town.Proc) error { return p.Start(ctx) }))
	})
	return err
}

// fillRoom multiplies the last event of a room, which lets somebody in.
const fillRoom = `
CREATE TEMPORARY TABLE one ON COMMIT DROP AS SELECT e.*, (e.extra::json->>'user') AS whom, p.n AS last
	FROM events e JOIN partitions p USING (part) WHERE e.room = '%[1]s' ORDER BY e.seq DESC LIMIT 1;
CREATE TEMPORARY TABLE many ON COMMIT DROP AS SELECT i, md5('%[1]s' || i)::uuid AS whom FROM generate_series(1, %[2]d) i;
UPDATE partitions SET n = n + %[2]d WHERE part = (SELECT part FROM one);
INSERT INTO events (part, n, room, seq, id, kind, by, at, nonce, text, extra, messages, gateway, log_seq, batch, committed)
	SELECT part, last + i, room, seq + i, md5('event' || room || i)::uuid, kind, by, at, decode(md5('nonce' || room || i), 'hex'), text,
		replace(extra, one.whom, many.whom::text), messages, gateway, log_seq, last + 1, committed FROM one, many;
INSERT INTO users (id, created_at, banned, deleted, username, display_name, folded, kind, role, status_text, issuer, subject)
	SELECT many.whom, at, 0, 0, 'great-' || many.whom, 'one of many', 'one of many', 'person', 'member', '', '', '' FROM one, many;
INSERT INTO members (room, user_id, joined_at, role) SELECT room, many.whom, at, 'member' FROM one, many;
UPDATE rooms SET member_count = member_count + %[2]d WHERE id = '%[1]s';`

// greatRoom kills each sequencer while people talk in the great room, one of which
// owns it.
func greatRoom(ctx context.Context, s *scene) error {
	for _, p := range s.town.Kind("sequencer") {
		before := s.memory("sequencer")
		if err := s.strike(ctx, fault{Record: history.Record{Fault: "kill -9 of " + p.Name, Back: afterKill}, begin: p.Kill, lasts: 500 * time.Millisecond,
			end: func() error { return p.Start(ctx) }, resumes: resumesWithin}); err != nil {
			return err
		}
		if err := s.settle(ctx); err != nil {
			return err
		}
		s.note("memory of the sequencers before and after: %s, %s", before, s.memory("sequencer"))
	}
	for _, f := range history.Strikes(s.log.Records()) {
		s.note("%s: the great room back within %v", f.Fault, f.Rooms[s.great].Round(10*time.Millisecond))
	}
	return nil
}

// memory tells what the processes of a kind have taken.
func (s *scene) memory(kind string) (told string) {
	for _, p := range s.town.Kind(kind) {
		bytes, err := p.Memory()
		if err != nil {
			told += fmt.Sprintf("%s %v ", p.Name, err)
			continue
		}
		told += fmt.Sprintf("%s %d MB ", p.Name, bytes>>20)
	}
	return told
}

// bringBusybody brings somebody with five thousand rooms.
func bringBusybody(ctx context.Context, s *scene) (err error) {
	s.busybody, err = s.load.AddBusybody(ctx, manyOwnRooms)
	return err
}

// manyRooms kills each gateway in the moment in which the one with many rooms says
// something in a few hundred of them: they come back through the other one, repeat
// what was not answered, and are given everything once.
func manyRooms(ctx context.Context, s *scene) error {
	connections := s.busybody.Connections()
	for _, p := range s.town.Kind("gateway") {
		s.busybody.Says(300)
		if err := s.strike(ctx, fault{Record: history.Record{Fault: "kill -9 of " + p.Name, Back: afterMany}, lasts: 500 * time.Millisecond,
			begin: p.Kill, end: func() error { return p.Start(ctx) }, resumes: afterMany}); err != nil {
			return err
		}
		began := time.Now()
		if err := s.until(ctx, 30*time.Second, "the one with many rooms is answered", func() bool { return s.busybody.InFlight() == 0 }); err != nil {
			return err
		}
		s.note("%s: all that was said in 300 rooms was answered after %v", p.Name, time.Since(began).Round(10*time.Millisecond))
		if err := s.settle(ctx); err != nil {
			return err
		}
	}
	if s.busybody.Connections() == connections {
		return errors.New("the one with many rooms was on neither gateway")
	}
	return nil
}

// until waits for something.
func (s *scene) until(ctx context.Context, patience time.Duration, what string, is func() bool) error {
	for deadline := time.Now().Add(patience); !is(); {
		if time.Now().After(deadline) {
			return fmt.Errorf("not within %v: %s", patience, what)
		}
		if err := load.Sleep(ctx, 10*time.Millisecond); err != nil {
			return err
		}
	}
	return nil
}

// hostile says what breaks programs: U+0000, which PostgreSQL cannot keep, and a
// command that the database refuses for a reason that nobody has thought of, as an
// unknown mistake of ours would make it. Everybody else goes on.
func hostile(ctx context.Context, s *scene) error {
	var nul string
	if err := errors.Join(s.strike(ctx, fault{Record: history.Record{Fault: "somebody says U+0000", Back: afterKill}, resumes: resumesWithin,
		begin: func() error {
			return s.until(ctx, 10*time.Second, "U+0000 is refused", func() bool {
				if nul == "" { // who is to say it was in no room
					nul = s.load.Provoke("a\x00b")
				}
				code, _ := s.load.Answer(nul)
				return code == "invalid"
			})
		}}), s.settle(ctx)); err != nil {
		return err
	}
	if _, err := s.town.SQL(ctx, allergy); err != nil {
		return err
	}
	var bad string
	// what became of the bad command: who is removed from its room meanwhile is told
	// so, and it is said in another one.
	answer := func() (code string, acked bool) {
		if bad == "" {
			bad = s.load.Provoke("poison")
		}
		code, acked = s.load.Answer(bad)
		if code == "forbidden" || code == "not_found" {
			bad = ""
		}
		return code, acked
	}
	if err := s.strike(ctx, fault{Record: history.Record{Fault: "a command makes each of its batches fail", Back: resumesWithin},
		lasts: s.either(3*time.Second, 15*time.Second), resumes: resumesWithin,
		begin: func() error {
			return s.until(ctx, 10*time.Second, "the bad command is refused", func() bool {
				code, _ := answer()
				return code == "internal"
			})
		},
		end: func() error {
			_, err := s.town.SQL(ctx, `DROP TRIGGER allergy ON events; DROP FUNCTION allergy`)
			return err
		}}); err != nil {
		return err
	}
	kept, err := s.town.SQL(ctx, `SELECT count(*) FROM dead_commands`)
	if err != nil {
		return err
	}
	if kept == "0" {
		return errors.New("no command was kept as dead")
	}
	s.note("%s tries were refused and kept", kept)
	return errors.Join(s.until(ctx, 10*time.Second, "the bad command happens when the fault has gone", func() bool {
		_, acked := answer()
		return acked
	}), s.settle(ctx))
}

// allergy makes the database refuse a text.
const allergy = `
CREATE FUNCTION allergy() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'nobody thought of this' USING ERRCODE = 'P0001'; END $$;
CREATE TRIGGER allergy BEFORE INSERT ON events FOR EACH ROW WHEN (NEW.text LIKE '%|poison') EXECUTE FUNCTION allergy();`
