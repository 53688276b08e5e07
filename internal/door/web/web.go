// Package web is the door for people with a browser: the web app at /, on every node with a gateway, or the page of the operator's
// own that takes its place.
package web

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path"
	"strings"

	app "github.com/parley-chat/parley/web"
)

// appPolicy lets the app load its own files and talk to its own server, and nothing else; 'self' is also the own server's websocket.
// Inline code does not run, and what a script turns into markup or into a script's address goes through the policy of this name.
const appPolicy = "default-src 'none'; script-src 'self'; style-src 'self'; font-src 'self'; img-src 'self' data: blob:; " +
	"connect-src 'self'; worker-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; " +
	"require-trusted-types-for 'script'; trusted-types parley"

// rootPolicy is for pages of which we do not know what they need: they say more in a meta element.
const rootPolicy = "frame-ancestors 'self'"

// Door serves files at the paths that no other door has.
type Door struct{ assets map[string]asset }

// App serves the app that is built into the binary. It has the paths /, /sw.js, /manifest.webmanifest and /_parley/.
func App() *Door {
	assets := map[string]asset{}
	for file, body := range app.Files() {
		place(assets, file, body, appPolicy)
	}
	return &Door{assets}
}

// Root serves the files of a folder instead, as they are now: an index.html at the path of its folder, all others at theirs. What
// begins with a dot is left out, except .well-known. It is an error when there is no index.html, when a link leads out of the
// folder, and when the files are more than [maxRoot] bytes.
func Root(dir string) (*Door, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fmt.Errorf("no pages can be served from %s: %w", dir, cause(err))
	}
	defer func() { _ = root.Close() }()
	assets, err := load(root.FS(), rootPolicy)
	if err != nil {
		return nil, fmt.Errorf("the pages in %s cannot be served: %w", dir, err)
	}
	if _, found := assets["/"]; !found {
		return nil, fmt.Errorf("there is no index.html in %s", dir)
	}
	return &Door{assets}, nil
}

// cause is what is wrong with a path, without the path and the system call.
func cause(err error) error {
	if p, is := errors.AsType[*fs.PathError](err); is {
		return p.Err
	}
	return err
}

// Name is the door's name.
func (*Door) Name() string { return "web" }

// Mount puts the door where no other door is.
func (d *Door) Mount(mux *http.ServeMux) { mux.Handle("/", d) }

// Close does nothing: no connection outlives its request.
func (*Door) Close(context.Context) error { return nil }

// ServeHTTP answers GET and HEAD; every path without a file is 404.
func (d *Door) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	a, found := d.assets[r.URL.Path]
	if !found {
		http.NotFound(w, r)
		return
	}
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		http.Error(w, "method not allowed", http.StatusMethodNotAllowed)
		return
	}
	a.serve(w, r)
}

// load reads all files by the paths that serve them.
func load(files fs.FS, policy string) (map[string]asset, error) {
	assets, size := map[string]asset{}, 0
	err := fs.WalkDir(files, ".", func(file string, entry fs.DirEntry, err error) error {
		switch name := entry.Name(); {
		case err != nil:
			return err
		case strings.HasPrefix(name, ".") && name != "." && name != ".well-known":
			if entry.IsDir() {
				return fs.SkipDir
			}
			return nil
		case entry.IsDir():
			return nil
		}
		body, err := fs.ReadFile(files, file)
		if err != nil {
			return err
		}
		if size += len(body); size > maxRoot {
			return fmt.Errorf("they are more than %d MiB; a web server in front of Parley is the place for them", maxRoot>>20)
		}
		place(assets, file, body, policy)
		return nil
	})
	return assets, err
}

// place puts a file at the path that serves it.
func place(assets map[string]asset, file string, body []byte, policy string) {
	at := "/" + file
	if path.Base(file) == "index.html" {
		at = strings.TrimSuffix(at, "index.html")
	}
	assets[at] = newAsset(at, body, policy)
}

// maxRoot is how many bytes of pages are kept in memory.
const maxRoot = 64 << 20
