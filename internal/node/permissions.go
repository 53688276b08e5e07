package node

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/parley-chat/parley/internal/contract"
)

// Permissions prints what NATS servers should allow: one user that plays all the
// roles named, or a user for each role when none is. "conf" is the authorization
// block of a server's configuration, with passwords from its environment; "json"
// is an object by user with permissions as NATS writes them.
func Permissions(roles []string, format string) (string, error) {
	var users [][]contract.Role
	if len(roles) > 0 {
		var together []contract.Role
		for _, name := range roles {
			role := contract.Role(name)
			if role != contract.RoleOperator && !slices.Contains(contract.Roles, role) {
				return "", fmt.Errorf("--role: there is no role %q; there are %s and operator", name, list(contract.Roles, "and"))
			}
			together = append(together, role)
		}
		users = append(users, together)
	} else {
		for _, role := range slices.Concat(contract.Roles, []contract.Role{contract.RoleOperator}) {
			users = append(users, []contract.Role{role})
		}
	}
	if format == "json" {
		return permissionsJSON(users)
	}
	return permissionsConf(users), nil
}

func permissionsConf(users [][]contract.Role) string {
	var b strings.Builder
	b.WriteString("# Printed by `parley nats-permissions`; print it anew with each version of Parley.\n" +
		"# The passwords come from the environment of the NATS server.\n" +
		"authorization {\n  users: [\n")
	for _, playing := range users {
		name := contract.Named(playing...)
		password := "PARLEY_NATS_" + strings.ToUpper(strings.ReplaceAll(name, "-", "_")) + "_PASSWORD"
		fmt.Fprintf(&b, "    { user: %s, password: $%s, permissions: %s }\n", name, password, PermissionsOf(playing...))
	}
	b.WriteString("  ]\n}\n")
	return b.String()
}

// PermissionsOf is what a process may do that plays the roles, as a value of a
// NATS server's configuration.
func PermissionsOf(playing ...contract.Role) string {
	p := contract.PermissionOf(playing...)
	var b strings.Builder
	b.WriteString("{\n")
	subjects(&b, "publish", p.Publish)
	subjects(&b, "subscribe", p.Subscribe)
	b.WriteString("    }")
	return b.String()
}

func subjects(b *strings.Builder, what string, allowed []string) {
	fmt.Fprintf(b, "      %s: { allow: [\n", what)
	for _, s := range allowed {
		fmt.Fprintf(b, "        %q\n", s)
	}
	b.WriteString("      ] }\n")
}

func permissionsJSON(users [][]contract.Role) (string, error) {
	type allow struct {
		Allow []string `json:"allow"`
	}
	type permission struct {
		Publish   allow `json:"publish"`
		Subscribe allow `json:"subscribe"`
	}
	all := map[string]permission{}
	for _, playing := range users {
		p := contract.PermissionOf(playing...)
		all[contract.Named(playing...)] = permission{allow{p.Publish}, allow{p.Subscribe}}
	}
	text, err := json.MarshalIndent(all, "", "  ")
	return string(text) + "\n", err
}
