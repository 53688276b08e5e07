package store

import (
	"context"
	"encoding/json"
	"slices"

	"github.com/parley-chat/parley/internal/chat"
)

func packCommand(c *chat.Command) (string, error) {
	b, err := json.Marshal(c)
	return string(b), err
}

// AddJobs stores commands to be carried out.
func (a *Accounts) AddJobs(ctx context.Context, jobs []chat.Command) error {
	for part := range slices.Chunk(jobs, rowsAtOnce) {
		if err := a.s.db.write(ctx, ofOthers, func(q tx) error { return insertJobs(q, part) }); err != nil {
			return err
		}
	}
	return nil
}

func insertJobs(q tx, jobs []chat.Command) error {
	for i := range jobs {
		command, err := packCommand(&jobs[i])
		if err != nil {
			return err
		}
		if _, err := q.exec(`INSERT INTO jobs (command) VALUES ($1)`, command); err != nil {
			return err
		}
	}
	return nil
}

// Jobs reads stored jobs after an id, in order, at most limit.
func (a *Accounts) Jobs(ctx context.Context, after uint64, limit int) (jobs []chat.Job, err error) {
	err = a.s.db.ask(ctx, func(q tx) error {
		return q.query(`SELECT id, command FROM jobs WHERE id > $1 ORDER BY id LIMIT $2 + 0`, []any{after, limit}, func(r row) error {
			j, err := scanJob(r)
			jobs = append(jobs, j)
			return err
		})
	})
	return jobs, err
}

func scanJob(r row) (j chat.Job, err error) {
	var command string
	if err := r.scan(&j.ID, &command); err != nil {
		return j, err
	}
	return j, json.Unmarshal([]byte(command), &j.Command)
}

// jobsAbout are the stored jobs that change a user's membership.
func jobsAbout(q tx, id chat.UserID) (jobs []chat.Job, err error) {
	err = q.query(`SELECT id, command FROM jobs WHERE command LIKE $1`, []any{"%" + id.String() + "%"}, func(r row) error {
		j, err := scanJob(r)
		if err == nil && j.Command.Kind == chat.KindMember && j.Command.Body.User == id {
			jobs = append(jobs, j)
		}
		return err
	})
	return jobs, err
}

// forgetEntries forgets the jobs that bring a user into a room.
func forgetEntries(q tx, id chat.UserID) error {
	jobs, err := jobsAbout(q, id)
	if err != nil {
		return err
	}
	jobs = slices.DeleteFunc(jobs, func(j chat.Job) bool { return j.Command.Body.Op != chat.OpAdd && j.Command.Body.Op != chat.OpJoin })
	return q.execEach(`DELETE FROM jobs WHERE id = $1`, len(jobs), func(i int) []any { return []any{jobs[i].ID} })
}

// DoneJob forgets a job that was carried out or refused.
func (a *Accounts) DoneJob(ctx context.Context, id uint64) error {
	return a.s.db.write(ctx, ofOthers, func(q tx) error {
		_, err := q.exec(`DELETE FROM jobs WHERE id = $1`, id)
		return err
	})
}
