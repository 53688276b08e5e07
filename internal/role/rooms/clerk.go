package rooms

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/parley-chat/parley/internal/bus"
	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/contract"
)

// Jobs are commands that some role stored to be carried out.
type Jobs interface {
	Jobs(ctx context.Context, after uint64, limit int) ([]chat.Job, error)
	DoneJob(ctx context.Context, id uint64) error
	// Exclusive does work unless another process does work of the same name: then
	// it is [chat.ErrNotOwner].
	Exclusive(ctx context.Context, name string, work func(context.Context) error) error
}

// Events finds what became of a command.
type Events interface {
	Event(ctx context.Context, user chat.UserID, runs bool, room chat.RoomID, seq uint64, by chat.UserID, nonce string) (e chat.Event, head uint64, found bool, err error)
}

const (
	jobsAtOnce   = 200
	lookForJobs  = time.Second          // when nobody says that there are some, or another looks
	lookDecided  = 3 * time.Millisecond // how often the log's position is asked for
	decideWithin = 10 * time.Second     // then the batch is tried again
	mayWait      = 5 * time.Second      // before it is worth a warning: a sequencer starts, or hands over
)

// clerk carries out stored jobs, in order: appends their commands, waits until
// the log's position has passed them, and forgets them. When it is interrupted
// it begins with the first again; nonces make that harmless. Of several instances
// one does.
type clerk struct {
	bus     *bus.Bus
	jobs    Jobs
	events  Events
	reserve func(ctx context.Context, handle string, room chat.RoomID) error
	log     *slog.Logger
	metrics *metrics
	kick    chan struct{}
	idle    map[uint64]bool // jobs that had no effect when they were tried first
}

// wake makes the clerk look for jobs now.
func (c *clerk) wake() {
	select {
	case c.kick <- struct{}{}:
	default:
	}
}

func (c *clerk) run(ctx context.Context) {
	for ctx.Err() == nil {
		err := c.jobs.Exclusive(ctx, "jobs", func(ctx context.Context) error {
			c.follow(ctx)
			return nil
		})
		if err != nil && !errors.Is(err, chat.ErrNotOwner) && ctx.Err() == nil {
			c.log.Warn("jobs wait", "err", err)
		}
		select {
		case <-ctx.Done():
		case <-time.After(lookForJobs):
		}
	}
}

// follow carries out what there is and what comes.
func (c *clerk) follow(ctx context.Context) {
	tick := time.NewTicker(lookForJobs)
	defer tick.Stop()
	for went := time.Now(); ; {
		more, err := c.work(ctx)
		switch waited := time.Since(went); {
		case err == nil:
			went = time.Now()
		case ctx.Err() == nil && waited > mayWait:
			c.log.Warn("jobs wait", "waited", waited.Round(time.Second).String(), "err", err)
		}
		if more && err == nil && ctx.Err() == nil {
			continue
		}
		select {
		case <-ctx.Done():
			return
		case <-c.kick:
		case <-tick.C:
		}
	}
}

// work carries out one batch; more says whether there was one.
func (c *clerk) work(ctx context.Context) (more bool, err error) {
	jobs, err := c.jobs.Jobs(ctx, 0, jobsAtOnce)
	if err != nil || len(jobs) == 0 {
		return false, err
	}
	partitions, err := contract.Partitions.Ask(ctx, c.bus, &contract.None{})
	if err != nil {
		return false, err
	}
	envelopes := map[int]*bus.Envelope{}
	for i := range jobs {
		cmd, err := c.prepare(ctx, &jobs[i])
		if err != nil {
			return false, err
		}
		if cmd == nil {
			continue
		}
		p := chat.PartitionOf(cmd.Room, partitions.Partitions)
		if envelopes[p] == nil {
			envelopes[p] = &bus.Envelope{ID: chat.NewID()}
		}
		envelopes[p].Commands = append(envelopes[p].Commands, *cmd)
	}
	for p, e := range envelopes {
		if err := c.decide(ctx, p, e); err != nil {
			return false, err
		}
	}
	for i := range jobs {
		if err := c.settle(ctx, &jobs[i]); err != nil {
			return false, err
		}
	}
	return true, nil
}

// prepare makes the command of a job ready to be appended; nil when it took
// effect before. The handle of a room to be made is reserved; one that another
// room has is left out.
func (c *clerk) prepare(ctx context.Context, j *chat.Job) (*chat.Command, error) {
	cmd := j.Command
	done, err := c.happened(ctx, &cmd)
	if done || err != nil {
		return nil, err
	}
	cmd.ID, cmd.Asked = chat.NewID(), time.Now().UnixMilli()
	if cmd.Kind != chat.KindRoom || cmd.Body.Op != chat.OpCreate || cmd.Body.Handle == "" {
		return &cmd, nil
	}
	err = c.reserve(ctx, cmd.Body.Handle, cmd.Room)
	if chat.CodeOf(err) == chat.Conflict {
		c.log.Info("a room is made without its handle: another has it", "room", cmd.Room, "handle", cmd.Body.Handle)
		cmd.Body.Handle, err = "", nil
	}
	return &cmd, err
}

func (c *clerk) happened(ctx context.Context, cmd *chat.Command) (bool, error) {
	_, _, found, err := c.events.Event(ctx, cmd.By, true, cmd.Room, 0, cmd.By, cmd.Nonce)
	return found, err
}

// decide appends an envelope and returns when its commands have been decided.
func (c *clerk) decide(ctx context.Context, partition int, e *bus.Envelope) error {
	ctx, cancel := context.WithTimeout(ctx, decideWithin)
	defer cancel()
	seq, err := c.bus.Log(partition).Append(ctx, e)
	if err != nil {
		return err
	}
	for {
		a, err := contract.Watchers.At(contract.Partition(partition)).Ask(ctx, c.bus, &contract.WatchersAsk{})
		if err == nil && a.Decided >= seq {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("partition %d has not decided record %d yet: %w", partition, seq, ctx.Err())
		case <-time.After(lookDecided):
		}
	}
}

// settle forgets a job that was decided. One that had no effect is tried a second
// time first: if the log was wiped meanwhile, the position that seemed to have
// passed its command was that of the log before.
func (c *clerk) settle(ctx context.Context, j *chat.Job) error {
	cmd := &j.Command
	found, err := c.happened(ctx, cmd)
	if err != nil {
		return err
	}
	if !found && !c.idle[j.ID] {
		c.idle[j.ID] = true
		return nil
	}
	delete(c.idle, j.ID)
	c.metrics.done.Inc()
	if !found {
		c.metrics.refused.Inc()
		c.log.Info("a job had no effect", "room", cmd.Room, "kind", cmd.Kind, "op", cmd.Body.Op, "nonce", cmd.Nonce)
	}
	return c.jobs.DoneJob(ctx, j.ID)
}
