package history

import "time"

// checkFaults holds every fault to having struck, and what went on to going on.
func (c *checker) checkFaults() {
	strikes := map[string]*Record{}
	for i := range c.records {
		r := &c.records[i]
		switch r.What {
		case Strike:
			if r.InFlight == 0 {
				c.find(Luck, []*Record{r}, "%s struck with no command in flight", r.Fault)
			}
			strikes[r.Fault] = r
		case Over:
			if s := strikes[r.Fault]; s != nil && s.Spares {
				c.checkSpared(s, r)
			}
			if r.Within > 0 {
				c.checkResumed(r)
			}
		}
	}
}

// checkSpared looks at everything that clients met between strike and over.
func (c *checker) checkSpared(strike, over *Record) {
	for i := range c.records {
		r := &c.records[i]
		if r.T < strike.T || r.T > over.T {
			continue
		}
		switch {
		case r.What == Close && r.Code != OwnDoing:
			c.find(Disturbed, []*Record{strike, r, over}, "%s, and a connection of %s was closed with %s", strike.Fault, r.User, r.Code)
		case r.What == Refuse && fateOpen(r.Code):
			c.find(Disturbed, []*Record{strike, r, over}, "%s, and command %s was answered %s", strike.Fault, r.Nonce, r.Code)
		case r.What == Invoke && strike.Within > 0:
			c.checkQuick(strike, over, r)
		}
	}
}

// OwnDoing is the code of a connection that the tester ended itself.
const OwnDoing = "dropped"

// checkQuick holds one command to the time in which it is answered, unless its
// sender dropped the connection.
func (c *checker) checkQuick(strike, over, invoke *Record) {
	k := c.commands[commandKey{invoke.User, invoke.Room, invoke.Nonce}]
	if len(k.invokes) != 1 || invoke.T+strike.Within > over.T {
		return
	}
	for _, ack := range k.acks {
		if ack.T-invoke.T > strike.Within {
			c.find(Disturbed, []*Record{strike, invoke, ack, over}, "%s, and command %s took %v", strike.Fault, invoke.Nonce, (ack.T - invoke.T).Round(time.Millisecond))
		}
	}
}

// checkResumed looks for the first command that is answered again.
func (c *checker) checkResumed(over *Record) {
	var asked *Record
	begun := map[commandKey]bool{}
	for i := range c.records {
		r := &c.records[i]
		if r.T < over.T {
			continue
		}
		key := commandKey{r.User, r.Room, r.Nonce}
		switch {
		case r.What == Invoke:
			begun[key] = true
			if asked == nil {
				asked = r
			}
		case r.What == Ack && begun[key]:
			if r.T-over.T > over.Within {
				c.find(Stalled, []*Record{over, asked, r}, "%s was over, and the first command after it was acknowledged after %v", over.Fault, (r.T - over.T).Round(time.Millisecond))
			}
			return
		}
	}
	if asked != nil {
		c.find(Stalled, []*Record{over, asked}, "%s was over, and nothing was acknowledged any more", over.Fault)
	}
}

// checkReturns holds a server that asks its clients to come back to taking them.
func (c *checker) checkReturns() {
	for i := range c.records {
		bye := &c.records[i]
		if bye.What != Bye || bye.Within == 0 {
			continue
		}
		var back *Record
		for _, w := range c.byUser[bye.User] {
			if w.T > bye.T {
				back = w
				break
			}
		}
		switch {
		case back == nil:
			c.find(Away, []*Record{bye}, "%s was asked to come back and never was welcome again", bye.User)
		case back.T-bye.T > bye.Within:
			c.find(Away, []*Record{bye, back}, "%s was asked to come back and was welcome after %v, not %v", bye.User,
				(back.T - bye.T).Round(time.Millisecond), bye.Within)
		}
	}
}
