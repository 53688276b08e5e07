package main

import (
	"fmt"
	"io"
	"os"
	"reflect"
	"slices"
	"strings"

	"github.com/alecthomas/kong"
	"go.yaml.in/yaml/v3"

	"github.com/parley-chat/parley/internal/node"
)

// fileOf resolves flags from the file that --config names. The flag itself is
// read from the arguments before any other is resolved.
type fileOf struct {
	path   string
	values map[string]yaml.Node
}

// badFile is what is wrong with the file, whichever flag was looked for in it.
type badFile struct{ error }

// Validate refuses keys that no flag has: a misspelt one would be ignored.
func (f *fileOf) Validate(app *kong.Application) error {
	known := map[string]bool{}
	_ = kong.Visit(app, func(node kong.Visitable, next kong.Next) error {
		if flag, ok := node.(*kong.Flag); ok {
			known[flag.Name] = true
		}
		return next(nil)
	})
	for key, value := range f.values {
		if !known[key] {
			return fmt.Errorf("%s: there is no setting %q (line %d); parley serve --help lists them", f.path, key, value.Line)
		}
	}
	return nil
}

// Resolve is a flag's value in the file.
func (f *fileOf) Resolve(ctx *kong.Context, _ *kong.Path, flag *kong.Flag) (any, error) {
	if flag.Name == "config" {
		return nil, nil
	}
	for _, env := range flag.Envs {
		if _, set := os.LookupEnv(env); set {
			return nil, nil // the environment wins, which kong asks first and lets a file change
		}
	}
	if err := f.load(ctx); err != nil {
		return nil, badFile{err}
	}
	value, ok := f.values[flag.Name]
	if !ok {
		return nil, nil
	}
	words, err := written(&value)
	switch {
	case err != nil:
		return nil, badFile{fmt.Errorf("%s: %s: %w", f.path, flag.Name, err)}
	case words == nil:
		return nil, nil
	}
	return strings.Join(words, ","), nil
}

// written are a value's words as they stand in the file: YAML would make a number
// or a date of a secret, and another secret of that. null is nothing.
func written(n *yaml.Node) (words []string, err error) {
	for n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	switch {
	case n.Kind == yaml.ScalarNode && n.ShortTag() == "!!null":
		return nil, nil
	case n.Kind == yaml.ScalarNode:
		return []string{n.Value}, nil
	case n.Kind != yaml.SequenceNode:
		return nil, fmt.Errorf("line %d: say one value, or a list of values", n.Line)
	}
	words = []string{} // an empty list is a value
	for _, item := range n.Content {
		if item.Kind == yaml.SequenceNode {
			return nil, fmt.Errorf("line %d: a list of lists is none of values", item.Line)
		}
		word, err := written(item)
		if err != nil {
			return nil, err
		}
		words = append(words, word...)
	}
	return words, nil
}

func (f *fileOf) load(ctx *kong.Context) error {
	path := os.Getenv("PARLEY_CONFIG")
	for _, flag := range ctx.Flags() {
		if given, ok := ctx.FlagValue(flag).(string); ok && flag.Name == "config" && given != "" {
			path = given
		}
	}
	if path == "" || path == f.path {
		return nil
	}
	values, err := readYAML(path)
	if err != nil {
		return err
	}
	f.path, f.values = path, values
	return f.Validate(ctx.Model)
}

func readYAML(path string) (map[string]yaml.Node, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var values map[string]yaml.Node
	if err := yaml.Unmarshal(b, &values); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return values, nil
}

// secret are flags that are not printed; addresses are, without passwords.
var (
	secret    = []string{"auth-jwt-secret", "metrics-token", "nats-password"}
	addresses = []string{"store", "nats", "public-url", "auth-jwks-url"}
)

// shown is a flag's value as anybody may see it.
func shown(name string, v reflect.Value) any {
	switch value := v.Interface().(type) {
	case string:
		if value != "" && slices.Contains(secret, name) {
			return "(set)"
		}
		if value != "" && slices.Contains(addresses, name) {
			return node.Redact(value)
		}
	case []string:
		if slices.Contains(addresses, name) {
			list := make([]string, len(value))
			for i, v := range value {
				list[i] = node.Redact(v)
			}
			return list
		}
	case fmt.Stringer:
		return value.String()
	}
	return v.Interface()
}

type configCmd struct{ serve }

// Run prints what serve would run with.
func (c *configCmd) Run(out io.Writer, all *cli) error {
	_, err := c.serving()
	if err != nil {
		return err
	}
	settings := &yaml.Node{Kind: yaml.MappingNode}
	show := func(name string, v reflect.Value) {
		key, value := new(yaml.Node), new(yaml.Node)
		key.SetString(name)
		if err == nil {
			err = value.Encode(shown(name, v))
		}
		settings.Content = append(settings.Content, key, value)
	}
	fields(reflect.ValueOf(c.serve), show)
	fields(reflect.ValueOf(all.logging), show)
	if err != nil {
		return err
	}
	enc := yaml.NewEncoder(out)
	enc.SetIndent(2)
	return enc.Encode(settings)
}

// fields visits the flags of a struct, those of embedded structs first.
func fields(v reflect.Value, visit func(name string, v reflect.Value)) {
	for i := range v.NumField() {
		f := v.Type().Field(i)
		if f.Anonymous {
			fields(v.Field(i), visit)
		} else if name := f.Tag.Get("name"); name != "" {
			visit(name, v.Field(i))
		}
	}
}
