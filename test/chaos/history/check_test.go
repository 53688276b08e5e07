package history

import (
	"bytes"
	"reflect"
	"testing"

	"pgregory.net/rapid"
)

func TestHonestServersAreBelieved(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		records := newWorld(rapid.Uint64().Draw(t, "seed"), "", 0).run(rapid.IntRange(1, 300).Draw(t, "steps"))
		for _, v := range Check(records) {
			var b bytes.Buffer
			_ = v.Print(&b)
			t.Errorf("an honest server is called a liar:\n%s", b.String())
		}
	})
}

// Every kind of lie is told by a server once, at some moment, and must be found
// under its name; and the lines that Check shows for it are a history of that
// lie by themselves.
func TestEveryLieIsCaughtAndNamed(t *testing.T) {
	for _, k := range Kinds {
		t.Run(string(k.Kind), func(t *testing.T) {
			told := 0
			for seed := uint64(0); told < 20; seed++ {
				if seed == 2000 {
					t.Fatalf("the lie was told in %d of %d runs: the world does not reach it", told, seed)
				}
				w := newWorld(seed, k.Kind, int(seed%80))
				records := w.run(150)
				if !w.told {
					continue
				}
				told++
				mustShow(t, k.Kind, seed, records)
			}
		})
	}
}

func mustShow(t *testing.T, kind Kind, seed uint64, records []Record) {
	t.Helper()
	found := Check(records)
	for _, v := range found {
		if v.Kind != kind {
			continue
		}
		if len(v.Lines) > 8 {
			t.Errorf("seed %d: the counter-example has %d lines", seed, len(v.Lines))
		}
		for _, again := range Check(v.Lines) {
			if again.Kind == kind {
				return
			}
		}
		var b bytes.Buffer
		_ = v.Print(&b)
		t.Errorf("seed %d: these lines alone do not show it:\n%s", seed, b.String())
		return
	}
	var b bytes.Buffer
	for _, v := range found {
		_ = v.Print(&b)
	}
	t.Errorf("seed %d: the lie was not found; found was:\n%s", seed, b.String())
}

func TestAHistoryIsReadAsItWasWritten(t *testing.T) {
	records := newWorld(1, "", 0).run(100)
	var b bytes.Buffer
	if err := Write(&b, records); err != nil {
		t.Fatal(err)
	}
	again, err := Read(&b)
	if err != nil {
		t.Fatal(err)
	}
	if len(again) != len(records) {
		t.Fatalf("%d lines were written, %d read", len(records), len(again))
	}
	for i := range records {
		if len(records[i].Heads) == 0 {
			records[i].Heads = nil // what is empty is left out
		}
		if !reflect.DeepEqual(records[i], again[i]) {
			t.Fatalf("line %d: %+v became %+v", i+1, records[i], again[i])
		}
	}
	if _, err := Read(bytes.NewBufferString(`{"what":"ack"`)); err == nil {
		t.Error("half a line was read")
	}
	if _, err := Read(bytes.NewBufferString(`{"who":"ann"}`)); err == nil {
		t.Error("a line of something else was read")
	}
}
