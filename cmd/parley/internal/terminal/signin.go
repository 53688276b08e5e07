package terminal

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/parley-chat/parley/client"
)

// signIn comes in with the kept refresh token, else with a password.
func (o *Options) signIn(ctx context.Context, k *keyboard, screen *screen) (*client.Login, error) {
	vault, err := openVault(o.ConfigDir)
	if err != nil {
		return nil, err
	}
	server := client.New(o.URL)
	login, err := o.resume(ctx, server, vault)
	if err != nil {
		return nil, err
	}
	if login == nil {
		if login, err = o.introduce(ctx, server, k, screen); err != nil {
			return nil, err
		}
	}
	name := login.User.Username
	keep := func(t client.Tokens) error { return vault.keep(o.URL, name, t) }
	login.OnRefresh = func(t client.Tokens) {
		if err := keep(t); err != nil {
			screen.note("the sign-in could not be kept: %v", err)
		}
	}
	return login, keep(login.Tokens())
}

// resume answers nil when there is no sign-in that still holds.
func (o *Options) resume(ctx context.Context, server *client.Client, v *vault) (*client.Login, error) {
	name, refresh := v.find(o.URL, o.Username)
	if refresh.Token == "" || o.SignUp || o.Invite != "" {
		return nil, nil
	}
	login, err := server.Resume(ctx, refresh.Token, refresh.Key)
	if client.CodeOf(err) == client.CodeUnauthenticated {
		return nil, v.keep(o.URL, name, client.Tokens{})
	}
	return login, err
}

// introduce asks who is there.
func (o *Options) introduce(ctx context.Context, server *client.Client, k *keyboard, screen *screen) (*client.Login, error) {
	name := o.Username
	if name == "" {
		var err error
		if name, err = k.ask("username: "); err != nil {
			return nil, fmt.Errorf("username: %w", err)
		}
	}
	password, err := k.password("password: ")
	if err != nil {
		return nil, fmt.Errorf("password: %w", err)
	}
	if o.SignUp || o.Invite != "" {
		return o.signUp(ctx, server, name, password)
	}
	login, err := server.SignIn(ctx, name, password, "terminal")
	if client.CodeOf(err) != client.CodeUnauthenticated {
		return login, err
	}
	screen.note("no account %s with this password", name)
	answer, askErr := k.ask("make a new account? [y/N] ")
	if askErr != nil || !strings.EqualFold(strings.TrimSpace(answer), "y") {
		return nil, err
	}
	return o.signUp(ctx, server, name, password)
}

// signUp makes an account, with the invite where there is one: its code, or the
// link that ends in it.
func (o *Options) signUp(ctx context.Context, server *client.Client, name, password string) (*client.Login, error) {
	if o.Invite == "" {
		return server.SignUp(ctx, name, password, "")
	}
	return server.SignUpByInvite(ctx, name, password, "", o.Invite[strings.LastIndex(o.Invite, "/")+1:])
}

// vault keeps refresh tokens in a file that only its owner can read.
type vault struct{ file string }

// kept is one server's sign-ins.
type kept struct {
	Last   string             `json:"last"`
	Tokens map[string]refresh `json:"tokens"` // by username
}

// refresh is a token with the key by which the server knows a repeat.
type refresh struct {
	Token string `json:"token"`
	Key   string `json:"key"`
}

func openVault(dir string) (*vault, error) {
	if dir == "" {
		config, err := os.UserConfigDir()
		if err != nil {
			return nil, fmt.Errorf("where to keep the sign-in: %w", err)
		}
		dir = filepath.Join(config, "parley")
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	return &vault{filepath.Join(dir, "chat.json")}, nil
}

// load reads the file; a missing or damaged one is empty, and one signs in anew.
func (v *vault) load() (map[string]kept, error) {
	all := map[string]kept{}
	data, err := os.ReadFile(v.file)
	if errors.Is(err, fs.ErrNotExist) {
		return all, nil
	}
	if err != nil {
		return nil, err
	}
	if json.Unmarshal(data, &all) != nil {
		return map[string]kept{}, nil
	}
	return all, nil
}

// find returns the token of username, or of who was here last.
func (v *vault) find(server, username string) (name string, r refresh) {
	all, err := v.load()
	if err != nil {
		return username, refresh{}
	}
	if username == "" {
		username = all[server].Last
	}
	return username, all[server].Tokens[username]
}

// keep replaces a token, or drops it when there is none. The file is replaced
// whole, so a crash leaves the old or the new one.
func (v *vault) keep(server, username string, t client.Tokens) error {
	all, err := v.load()
	if err != nil {
		return err
	}
	k := all[server]
	if k.Tokens == nil {
		k.Tokens = map[string]refresh{}
	}
	k.Last, k.Tokens[username] = username, refresh{t.RefreshToken, t.RefreshKey}
	if t.RefreshToken == "" {
		delete(k.Tokens, username)
	}
	all[server] = k
	data, err := json.MarshalIndent(all, "", "  ")
	if err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(v.file), "chat-*.json") // made with mode 0600
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err = errors.Join(err, f.Close()); err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return os.Rename(f.Name(), v.file)
}
