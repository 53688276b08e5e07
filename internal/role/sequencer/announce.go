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
	var part []chat.Event
	size := 0
	for _, e := range events {
		if s := bus.EventSize(e); size+s > bus.MaxBytes && len(part) > 0 {
			w.tell(ctx, l, &contract.Notice{To: part[len(part)-1].N, LogSeq: l.log, Events: part})
			part, size = nil, 0
		}
		size += bus.EventSize(e)
		part = append(part, *e)
	}
	w.tell(ctx, l, &contract.Notice{To: w.at.N, LogSeq: w.decided, Events: part, Answers: answers})
}
