package history

import "time"

// taken is an event that a restore took back: it was seen after the moment to
// which the database returned, and is not stored. It may still be seen until the
// server has noticed.
type taken struct{ until time.Duration }

// indexTaken finds the events that restores took back.
func (c *checker) indexTaken() {
	for i := range c.records {
		strike := &c.records[i]
		if strike.What != Strike || strike.Since == 0 {
			continue
		}
		over := c.overOf(strike)
		if over == nil {
			continue
		}
		known := map[string]bool{}
		for j := range c.records {
			r := &c.records[j]
			if r.Event == nil || r.What == Stored || known[r.Event.ID] {
				continue
			}
			known[r.Event.ID] = true
			there := c.stored[place{r.Room, r.Event.Seq}]
			if r.T > strike.Since && r.T <= over.T && (there == nil || there.Event.ID != r.Event.ID) {
				c.taken[r.Event.ID] = taken{until: over.T + over.Back}
			}
		}
		c.noticed = max(c.noticed, over.T+over.Back)
	}
}

func (c *checker) overOf(strike *Record) *Record {
	for i := range c.records {
		if r := &c.records[i]; r.What == Over && r.Fault == strike.Fault {
			return r
		}
	}
	return nil
}

// void says that what the line tells of was taken back by a restore.
func (c *checker) void(r *Record) bool {
	if r.Event == nil {
		return false
	}
	t, is := c.taken[r.Event.ID]
	return is && r.T <= t.until
}
