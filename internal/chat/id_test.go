package chat

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"hash/fnv"
	"strings"
	"testing"

	"github.com/google/uuid"
	"pgregory.net/rapid"
)

func mustID(t testing.TB, s string) ID {
	t.Helper()
	id, err := ParseID(s)
	if err != nil {
		t.Fatal(err)
	}
	return id
}

// The vectors below are on-disk formats: who changes one orphans rooms.

func TestCreatedRoomIDVectors(t *testing.T) {
	for _, v := range []struct{ by, nonce, want string }{
		{"00000000-0000-8000-8000-000000000001", "general", "2db354bd-50a2-80c3-aed1-f13d04bb1fc3"},
		{"0190163d-8694-739b-aea5-966c26f8ad91", "n-1", "c0caa918-e215-821c-8472-0df3eb552e39"},
		{"0190163d-8694-739b-aea5-966c26f8ad91", "", "a5b367fe-e87d-844d-bbae-b58d39e2be16"},
		{"0190163d-8694-739b-aea5-966c26f8ad91", "ünïcode", "45260348-dc6b-88b2-93c3-99e2efd26762"},
	} {
		by := mustID(t, v.by)
		if got := CreatedRoomID(by, v.nonce).String(); got != v.want {
			t.Errorf("%s, %q: got %s, want %s", v.by, v.nonce, got, v.want)
		}
		if want := uuid8("room" + string(by[:]) + v.nonce); v.want != want {
			t.Errorf("the vector %s is not %s", v.want, want)
		}
	}
}

func TestDirectRoomIDVectors(t *testing.T) {
	const ann, bob = "0190163d-8694-739b-aea5-966c26f8ad91", "01901640-1111-7222-8333-444455556666"
	for _, v := range []struct {
		people []string
		want   string
	}{
		{[]string{ann, bob}, "ce81094e-198f-83fb-a9a0-924ba5182743"},
		{[]string{bob, ann}, "ce81094e-198f-83fb-a9a0-924ba5182743"},
		{[]string{bob, ann, bob}, "ce81094e-198f-83fb-a9a0-924ba5182743"},
		{[]string{ann}, "79b4996c-8ca6-834e-bddd-d644ba7f2bbd"},
		{[]string{ann, ann}, "79b4996c-8ca6-834e-bddd-d644ba7f2bbd"},
	} {
		var ids []UserID
		var raw string
		for _, p := range v.people {
			ids = append(ids, mustID(t, p))
		}
		for _, id := range SortIDs(ids) {
			raw += string(id[:])
		}
		if got := DirectRoomID(ids...).String(); got != v.want {
			t.Errorf("%v: got %s, want %s", v.people, got, v.want)
		}
		if want := uuid8("direct" + raw); v.want != want {
			t.Errorf("the vector %s is not %s", v.want, want)
		}
	}
}

// uuid8 derives an id in another way than the code under test.
func uuid8(input string) string {
	sum := sha256.Sum256([]byte(input))
	h := []byte(hex.EncodeToString(sum[:16]))
	h[12] = '8'
	variant, _ := hex.DecodeString("0" + string(h[16]))
	h[16] = "89ab"[variant[0]&3]
	return string(h[:8]) + "-" + string(h[8:12]) + "-" + string(h[12:16]) + "-" + string(h[16:20]) + "-" + string(h[20:])
}

func TestPartitionOfVectors(t *testing.T) {
	for _, v := range []struct {
		room   string
		n      int
		want   int
		digest uint64
	}{
		{"2db354bd-50a2-80c3-aed1-f13d04bb1fc3", 8, 1, 5593644970808666073},
		{"00000000-0000-0000-0000-000000000000", 8, 5, 9808874869469701221},
		{"ffffffff-ffff-ffff-ffff-ffffffffffff", 8, 5, 15447475403222018133},
		{"0190163d-8694-739b-aea5-966c26f8ad91", 8, 6, 13707032800097131206},
		{"0190163d-8694-739b-aea5-966c26f8ad91", 5, 1, 13707032800097131206},
		{"0190163d-8694-739b-aea5-966c26f8ad91", 1, 0, 13707032800097131206},
	} {
		room := mustID(t, v.room)
		h := fnv.New64a()
		h.Write(room[:])
		if h.Sum64() != v.digest {
			t.Errorf("the vector of %s is not %d", v.room, h.Sum64())
		}
		if got := PartitionOf(room, v.n); got != v.want {
			t.Errorf("%s of %d: got %d, want %d", v.room, v.n, got, v.want)
		}
	}
}

func TestPartitionOfIsFNV1a(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		room := ID(rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "room"))
		n := rapid.IntRange(1, 64).Draw(t, "n")
		h := fnv.New64a()
		h.Write(room[:])
		if got, want := PartitionOf(room, n), int(h.Sum64()%uint64(n)); got != want {
			t.Fatalf("got %d, want %d", got, want)
		}
	})
}

func TestIDsSortByTime(t *testing.T) {
	last := NewID()
	for range 1000 {
		next := NewID()
		if next.String() <= last.String() {
			t.Fatalf("%s was made after %s", next, last)
		}
		last = next
	}
}

func TestParseIDRefuses(t *testing.T) {
	const good = "0190163d-8694-739b-aea5-966c26f8ad91"
	for _, s := range []string{
		"", " ", good + " ", good[:35], "{" + good + "}", "urn:uuid:" + good, strings.ReplaceAll(good, "-", ""),
		strings.Replace(good, "-", "0", 1), strings.Replace(good, "a", "g", 1), strings.Repeat("-", 36), strings.Repeat("\x00", 36),
	} {
		if id, err := ParseID(s); CodeOf(err) != Invalid {
			t.Errorf("%q became %s, %v", s, id, err)
		}
	}
}

func TestIDsInJSON(t *testing.T) {
	id := NewID()
	b, err := json.Marshal(map[ID]ID{id: id})
	if err != nil || string(b) != `{"`+id.String()+`":"`+id.String()+`"}` {
		t.Fatalf("%s, %v", b, err)
	}
	back := map[ID]ID{}
	if err := json.Unmarshal(b, &back); err != nil || back[id] != id {
		t.Fatalf("%v, %v", back, err)
	}
	if err := json.Unmarshal([]byte(`"no id"`), &id); CodeOf(err) != Invalid {
		t.Fatalf("no id was read: %v", err)
	}
}

func FuzzParseID(f *testing.F) {
	for _, s := range []string{"", "0190163d-8694-739b-aea5-966c26f8ad91", "0190163D-8694-739B-AEA5-966C26F8AD91", strings.Repeat("-", 36)} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		id, err := ParseID(s)
		if err != nil {
			if CodeOf(err) != Invalid || !id.IsZero() {
				t.Fatalf("%q: %s, %v", s, id, err)
			}
			return
		}
		if u := uuid.UUID(id).String(); len(s) != 36 || u != strings.ToLower(s) || string(id.Append(nil)) != u {
			t.Fatalf("%q became %s", s, u)
		}
	})
}
