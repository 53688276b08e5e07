package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"time"

	"github.com/parley-chat/parley/internal/node"
)

// rolesCmd shows who runs where.
type rolesCmd struct {
	place
	JSON bool `name:"json" help:"One JSON object."`
}

func (c *rolesCmd) Run(ctx context.Context, out io.Writer, log *slog.Logger) error {
	if cfg, err := c.config(); err != nil {
		return err
	} else if len(cfg.Bus.URLs) == 0 && !node.Running(ctx, c.Data) && ctx.Err() == nil {
		return fmt.Errorf("no parley runs on %s: give --data as the one that runs has it, or with --nats where the bus of the cluster is", c.Data)
	}
	who, err := ask[node.WhoRuns](ctx, c.reach, log, "roles", struct{}{})
	if err != nil {
		return err
	}
	if c.JSON {
		return json.NewEncoder(out).Encode(who)
	}
	return showRoles(out, who)
}

func showRoles(out io.Writer, who *node.WhoRuns) error {
	processes := newTable(out, false, "PROCESS", "VERSION", "SINCE", "ROLES", "RUN", "SESSIONS", "PARTITIONS")
	partitions := newTable(out, false, "PARTITION", "OWNER", "EPOCH", "FEED", "LOG", "LAG", "GATEWAYS", "WATCHED ROOMS")
	for _, p := range who.Processes {
		where := fmt.Sprintf("%s:%d", p.Host, p.PID)
		run, sessions, owns := "", "", ""
		if p.Run != 0 {
			run, sessions = fmt.Sprintf("%x", p.Run), fmt.Sprint(p.Sessions)
		}
		for i, s := range p.Partitions {
			if i > 0 {
				owns += ","
			}
			owns += fmt.Sprint(s.Partition)
			if s.Busy {
				partitions.row(nil, s.Partition, where, "a commit takes long", "", s.Last, "", "", "")
			} else {
				partitions.row(nil, s.Partition, where, s.Epoch, s.N, s.Decided, s.Lag(), s.Gateways, s.Watched)
			}
		}
		roles := make([]string, len(p.Roles))
		for i, r := range p.Roles {
			roles[i] = string(r)
		}
		since := time.UnixMilli(p.Since).UTC().Format("2006-01-02 15:04:05")
		processes.row(nil, where, p.Version, since, strings.Join(roles, ","), run, sessions, owns)
	}
	if err := processes.flush(); err != nil {
		return err
	}
	fmt.Fprintln(out)
	if err := partitions.flush(); err != nil {
		return err
	}
	for _, p := range who.Processes {
		if p.Denied != "" {
			fmt.Fprintf(out, "%s:%d is forbidden what it needs: %s\n", p.Host, p.PID, p.Denied)
		}
	}
	if who.Unknown != "" {
		fmt.Fprintln(out, who.Unknown)
	}
	for _, p := range who.Orphans {
		fmt.Fprintf(out, "nobody owns partition %d\n", p)
	}
	return nil
}

// permissions prints what the NATS servers should allow each role.
type permissions struct {
	Roles  []string `name:"role" sep:"," placeholder:"ROLE" help:"For one process that plays these roles (${roles}, or operator); without it, a user for each role."`
	Format string   `name:"format" enum:"conf,json" default:"conf" help:"How: ${enum}; conf goes into the servers' configuration."`
}

func (c *permissions) Run(out io.Writer) error {
	text, err := node.Permissions(c.Roles, c.Format)
	if err != nil {
		return err
	}
	_, err = io.WriteString(out, text)
	return err
}
