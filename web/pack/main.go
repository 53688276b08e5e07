// Command pack puts web/dist into web/dist.gz, which is what binaries hold: a third of the bytes. Building the app runs it.
package main

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io/fs"
	"os"
)

func main() {
	if err := pack("dist", "dist.gz"); err != nil {
		fmt.Fprintln(os.Stderr, "pack:", err)
		os.Exit(1)
	}
}

// pack writes a line for each file, with how many bytes it has and its name, and behind it those bytes.
func pack(dir, file string) error {
	var b bytes.Buffer
	w, err := gzip.NewWriterLevel(&b, gzip.BestCompression)
	if err != nil {
		return err
	}
	files := os.DirFS(dir)
	err = fs.WalkDir(files, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		body, err := fs.ReadFile(files, name)
		if err == nil {
			_, err = fmt.Fprintf(w, "%d %s\n%s", len(body), name, body)
		}
		return err
	})
	if err := errors.Join(err, w.Close()); err != nil {
		return err
	}
	return os.WriteFile(file, b.Bytes(), 0o644) //nolint:gosec // part of the source
}
