package bustest

import (
	"errors"
	"testing"

	"github.com/nats-io/nats.go"
)

// Probe tries out what the servers allow a credential.
type Probe struct {
	t  testing.TB
	nc *nats.Conn
}

// Probe connects as a user.
func (c *Cluster) Probe(t testing.TB, user, password string) *Probe {
	t.Helper()
	nc, err := nats.Connect(c.URLs()[0], nats.UserInfo(user, password), nats.ErrorHandler(func(*nats.Conn, *nats.Subscription, error) {}))
	if err != nil {
		t.Fatalf("%s cannot connect: %v", user, err)
	}
	t.Cleanup(nc.Close)
	return &Probe{t, nc}
}

// Publishes says whether the credential may publish to a subject.
func (p *Probe) Publishes(subject string) bool {
	p.t.Helper()
	return p.may(func() error { return p.nc.Publish(subject, []byte("probe")) })
}

// Subscribes says whether it may listen to a subject, alone or in a queue group.
func (p *Probe) Subscribes(subject, queue string) bool {
	p.t.Helper()
	var sub *nats.Subscription
	may := p.may(func() (err error) {
		sub, err = p.nc.QueueSubscribeSync(subject, queue)
		return err
	})
	if may {
		if err := sub.Unsubscribe(); err != nil {
			p.t.Fatal(err)
		}
	}
	return may
}

// may does something and asks the server what it thinks of it: its complaint
// comes before the answer to a ping.
func (p *Probe) may(do func() error) bool {
	p.t.Helper()
	before := p.nc.LastError()
	if err := errors.Join(do(), p.nc.Flush()); err != nil {
		p.t.Fatal(err)
	}
	after := p.nc.LastError()
	return after == before || !errors.Is(after, nats.ErrPermissionViolation) //nolint:errorlint // another error, not another kind
}

// Asks sends data to a subject, wanting the answer on another one, and waits until
// the server has it.
func (p *Probe) Asks(subject, answer string, data []byte) {
	p.t.Helper()
	if err := errors.Join(p.nc.PublishRequest(subject, answer, data), p.nc.Flush()); err != nil {
		p.t.Fatal(err)
	}
}

// Hears listens to a subject until the test ends.
func (p *Probe) Hears(subject string) {
	p.t.Helper()
	_, err := p.nc.Subscribe(subject, func(*nats.Msg) {})
	if err := errors.Join(err, p.nc.Flush()); err != nil {
		p.t.Fatal(err)
	}
}
