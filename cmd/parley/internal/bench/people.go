package bench

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"golang.org/x/sync/errgroup"

	"github.com/parley-chat/parley/client"
)

// person is a user of the benchmark.
type person struct {
	id    string
	token string
}

// claims is a token of a customer's own backend, as protocol.md describes it.
type claims struct {
	Name     string `json:"name"`
	Username string `json:"preferred_username"`
	jwt.RegisteredClaims
}

// tokenLife outlasts every run, so that no renewal disturbs one.
const tokenLife = 24 * time.Hour

func signToken(secret string, number int, now time.Time) (string, error) {
	c := claims{
		Name: "Bench " + strconv.Itoa(number), Username: "bench" + strconv.Itoa(number),
		RegisteredClaims: jwt.RegisteredClaims{
			Issuer: "bench", Subject: "u" + strconv.Itoa(number),
			IssuedAt: jwt.NewNumericDate(now), ExpiresAt: jwt.NewNumericDate(now.Add(tokenLife)),
		},
	}
	return jwt.NewWithClaims(jwt.SigningMethodHS256, c).SignedString([]byte(secret))
}

// readAccounts reads lines username:password.
func readAccounts(file string) ([][2]string, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var out [][2]string
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		line := strings.TrimSpace(lines.Text())
		if line == "" {
			continue
		}
		name, password, ok := strings.Cut(line, ":")
		if !ok {
			return nil, fmt.Errorf("%s line %d is not username:password", file, len(out)+1)
		}
		out = append(out, [2]string{name, password})
	}
	return out, lines.Err()
}

// restCalls is how many REST calls run at once while preparing.
const restCalls = 16

// gather makes n people. Signing in costs the server a password hash, so that
// way is slow; a signed token costs nothing.
func (a *arena) gather(ctx context.Context, n int) error {
	one, err := a.entry(n)
	if err != nil {
		return err
	}
	step := a.progress.step("people", n)
	defer step.end()
	a.people = make([]person, n)
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(restCalls)
	for i := range n {
		group.Go(func() error {
			p, err := one(ctx, i)
			if err != nil {
				return fmt.Errorf("person %d: %w", i+1, err)
			}
			a.people[i] = p
			step.add(1)
			return nil
		})
	}
	return group.Wait()
}

// entry returns how person i comes in.
func (a *arena) entry(n int) (func(ctx context.Context, i int) (person, error), error) {
	if a.opts.JWTSecret != "" {
		now := time.Now()
		return func(ctx context.Context, i int) (person, error) {
			token, err := signToken(a.opts.JWTSecret, i+1, now)
			if err != nil {
				return person{}, err
			}
			me, err := a.rest.As(client.StaticToken(token)).Me(ctx)
			return person{id: me.ID, token: token}, err
		}, nil
	}
	if a.opts.Accounts == "" {
		return nil, fmt.Errorf("users are needed: give --jwt-secret (the server's --auth-jwt-secret) or --accounts FILE")
	}
	accounts, err := readAccounts(a.opts.Accounts)
	if err != nil {
		return nil, err
	}
	if len(accounts) < n {
		return nil, fmt.Errorf("%s has %d accounts, %d are needed", a.opts.Accounts, len(accounts), n)
	}
	return func(ctx context.Context, i int) (person, error) {
		login, err := a.rest.SignIn(ctx, accounts[i][0], accounts[i][1], "bench")
		if err != nil {
			return person{}, err
		}
		return person{id: login.User.ID, token: login.Tokens().AccessToken}, nil
	}, nil
}

// firstMembers is how many members a room is made with at most.
const firstMembers = 1000

// furnish makes one group per list of people; the first of each makes it.
func (a *arena) furnish(ctx context.Context, groups [][]int) error {
	step := a.progress.step("rooms", len(groups))
	defer step.end()
	a.rooms = make([]string, len(groups))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(restCalls)
	for i, members := range groups {
		group.Go(func() error {
			room, err := a.makeRoom(ctx, i, members)
			if err != nil {
				return fmt.Errorf("room %d: %w", i+1, err)
			}
			a.rooms[i] = room
			step.add(1)
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	a.ours = make(map[string]bool, len(a.rooms))
	for _, room := range a.rooms {
		a.ours[room] = true
	}
	return nil
}

func (a *arena) makeRoom(ctx context.Context, number int, members []int) (string, error) {
	owner := a.rest.As(client.StaticToken(a.people[members[0]].token))
	var ids []string
	for _, i := range members[1:] {
		ids = append(ids, a.people[i].id)
	}
	first := min(len(ids), firstMembers)
	room, err := owner.CreateRoom(ctx, client.NewRoom{Kind: client.Group, Name: fmt.Sprintf("bench %d", number+1), Members: ids[:first]})
	if err != nil {
		return "", err
	}
	for _, id := range ids[first:] {
		if _, err := owner.SetMember(ctx, room.ID, id, ""); err != nil {
			return "", err
		}
	}
	return room.ID, nil
}
