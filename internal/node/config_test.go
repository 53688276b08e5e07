package node

import (
	"strings"
	"testing"
)

func TestWhatCannotBeIsRefusedWithASentence(t *testing.T) {
	servers := BusConfig{URLs: []string{"nats://127.0.0.1:4222"}}
	for name, c := range map[string]struct {
		cfg  Config
		says string // "": it can be
	}{
		"everything here":                     {Config{Data: "d"}, ""},
		"everything here, database elsewhere": {Config{Data: "d", Store: "postgres://u:p@h/n"}, ""},
		"everything here, bus elsewhere":      {Config{Data: "d", Bus: servers}, ""},
		"a gateway needs no database":         {Config{Roles: []string{"gateway", "presence"}, Bus: servers}, ""},
		"nor looks at one":                    {Config{Roles: []string{"gateway"}, Bus: servers, Store: "sqlite:d"}, ""},
		"browsers of other sites":             {Config{Data: "d", PublicURL: "https://chat.example/", AllowedOrigins: []string{"http://localhost:3000", "*"}}, ""},
		"a role over PostgreSQL":              {Config{Roles: []string{"rooms"}, Bus: servers, Store: "postgresql://h/n"}, ""},
		"all that store over SQLite":          {Config{Roles: []string{"rooms", "access", "accounts", "archive", "sequencer"}, Bus: servers, Data: "d"}, ""},

		"a role that there is not":         {Config{Roles: []string{"gatway"}, Bus: servers}, "gateway"},
		"some roles without a bus":         {Config{Roles: []string{"gateway", "accounts"}, Data: "d"}, "--nats"},
		"a role over SQLite":               {Config{Roles: []string{"rooms"}, Bus: servers, Data: "d"}, "--store postgres://"},
		"a database of another kind":       {Config{Data: "d", Store: "mysql://u:secret@h/n"}, "postgres://"},
		"a database's address in words":    {Config{Data: "d", Store: "host=h password=secret"}, "postgres://"},
		"SQLite without a folder":          {Config{Data: "d", Store: "sqlite:"}, "sqlite:FOLDER"},
		"a public name that is no URL":     {Config{Data: "d", PublicURL: "chat.example"}, "--public-url"},
		"a port of a host alone":           {Config{Data: "d", PublicURL: "localhost:8080"}, "--public-url"},
		"another site that is no URL":      {Config{Data: "d", AllowedOrigins: []string{"https://a", "b"}}, "--allowed-origins b"},
		"a grace before its time":          {Config{Data: "d", DrainGrace: -1}, "--drain-grace"},
		"a log synced before its time":     {Config{Data: "d", Bus: BusConfig{SyncInterval: -1}}, "--sync-interval"},
		"a credential without a bus":       {Config{Data: "d", Bus: BusConfig{As: Credential{User: "u"}}}, "--nats"},
		"copies without servers":           {Config{Data: "d", Bus: BusConfig{LogReplicas: 3}}, "--nats"},
		"two proofs":                       {Config{Data: "d", Bus: BusConfig{URLs: servers.URLs, As: Credential{User: "u", NKeyFile: "f"}}}, "--nats-nkey"},
		"a password without a user":        {Config{Data: "d", Bus: BusConfig{URLs: servers.URLs, As: Credential{Password: "secret"}}}, "--nats-user"},
		"a certificate without its key":    {Config{Data: "d", Bus: BusConfig{URLs: servers.URLs, As: Credential{Cert: "f"}}}, "--nats-key"},
		"more copies than there can be of": {Config{Data: "d", Bus: BusConfig{URLs: servers.URLs, LogReplicas: 9}}, "--log-replicas"},
	} {
		err := c.cfg.Check()
		switch {
		case c.says == "" && err != nil:
			t.Errorf("%s: %v", name, err)
		case c.says == "":
		case err == nil || !strings.Contains(err.Error(), c.says) || strings.Contains(err.Error(), "\n"):
			t.Errorf("%s: %v", name, err)
		case strings.Contains(err.Error(), "secret"):
			t.Errorf("%s: a secret is shown: %v", name, err)
		}
	}
}

func TestOnlyWhatIsKeptHereTakesAFolder(t *testing.T) {
	servers := BusConfig{URLs: []string{"nats://127.0.0.1:4222"}}
	for _, c := range []struct {
		cfg       Config
		uses, own bool
	}{
		{Config{Data: "d"}, true, false}, // the database locks it
		{Config{Data: "d", Store: "sqlite:e"}, true, true},
		{Config{Data: "d", Store: "postgres://h/n"}, true, true},
		{Config{Data: "d", Store: "postgres://h/n", Bus: servers}, false, false},
		{Config{Data: "d", Bus: servers}, true, false},
		{Config{Data: "d", Bus: servers, Roles: []string{"gateway"}}, false, false},
	} {
		if c.cfg.usesData() != c.uses || c.cfg.ownFolder() != c.own {
			t.Errorf("%+v: uses %v, own %v", c.cfg, c.cfg.usesData(), c.cfg.ownFolder())
		}
	}
}
