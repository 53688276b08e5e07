package chat

import (
	"slices"
	"testing"
)

func TestMentionedNames(t *testing.T) {
	for text, want := range map[string]struct {
		names []string
		all   bool
	}{
		"":                                   {},
		"nobody":                             {},
		"@ann":                               {names: []string{"ann"}},
		"hi @Ann, and @bob.":                 {names: []string{"ann", "bob"}},
		"@ann @ANN":                          {names: []string{"ann"}},
		"mail ann@example.org":               {},
		"@all listen":                        {all: true},
		"(@ann) @@bob":                       {names: []string{"ann"}},
		"@":                                  {},
		"@a.b-c_d!":                          {names: []string{"a.b-c_d"}},
		"@aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa": {},
	} {
		names, all := MentionedNames(text)
		if !slices.Equal(names, want.names) || all != want.all {
			t.Errorf("%q: got %q, %v", text, names, all)
		}
	}
}
