package accounts

import (
	"testing"
	"time"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/contract"
)

// What a socket's hello and a request cost here: remembered, and read anew.
func BenchmarkIdentify(b *testing.B) {
	o := newOffice(b, Config{})
	ann := o.signUp("ann")
	ask := &contract.IdentifyAsk{Token: ann.AccessToken}
	b.Run("remembered", func(b *testing.B) {
		for b.Loop() {
			if _, err := o.role.identify(b.Context(), ask); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("anew", func(b *testing.B) {
		for b.Loop() {
			o.role.holders.forget(ann.User.ID)
			if _, err := o.role.identify(b.Context(), ask); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("bus", func(b *testing.B) {
		for b.Loop() {
			if _, err := o.identify(ann.AccessToken); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkSign(b *testing.B) {
	o := newOffice(b, Config{})
	for b.Loop() {
		if _, _, err := o.role.keys.sign(chat.System, chat.System, time.Now()); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkHash(b *testing.B) {
	h := newHasher()
	s, _ := secretOf("correct horse", "")
	for b.Loop() {
		if _, err := h.make(b.Context(), s); err != nil {
			b.Fatal(err)
		}
	}
}
