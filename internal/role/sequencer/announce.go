package sequencer

import (
	"context"

	"github.com/parley-chat/parley/internal/bus"
	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/contract"
)

// announce sends one notice to every gateway that watches a room of the batch,
// that a new member may be on, or that asked and gets no event. The others learn
// of the commit's numbers with their next notice.
func (w *worker) announce(ctx context.Context, b *batch) {
	heard := map[*listener][]*chat.Event{}
	for _, e := range b.commit.Events {
		if len(e.Joins()) > 0 {
			for _, l := range w.audience.runs {
				heard[l] = append(heard[l], e)
			}
			continue
		}
		for _, l := range w.audience.watches[e.Room] {
			heard[l] = append(heard[l], e)
		}
	}
	for run := range b.answers {
		if l := w.audience.runs[run]; l != nil && heard[l] == nil {
			heard[l] = []*chat.Event{}
		}
	}
	for l, events := range heard {
		w.tellAll(ctx, l, events, b.answers[l.run])
	}
}

// tellAll splits what a gateway is told into notices of a bounded size. Only the
// last one says that the log has been decided so far.
func (w *worker) tellAll(ctx context.Context, l *listener, events []*chat.Event, answers []contract.Answer) {
	next, size := &contract.Notice{To: l.told, LogSeq: l.log}, 0
	makeRoom := func(bytes int) {
		if size > 0 && size+bytes > bus.MaxBytes {
			w.tell(ctx, l, next)
			next, size = &contract.Notice{To: l.told, LogSeq: l.log}, 0
		}
		size += bytes
	}
	for _, e := range events {
		makeRoom(bus.EventSize(e))
		next.Events, next.To = append(next.Events, *e), e.N
	}
	for i := range answers {
		makeRoom(answers[i].Size())
		next.Answers = append(next.Answers, answers[i])
	}
	next.To, next.LogSeq = w.at.N, w.decided
	w.tell(ctx, l, next)
}
