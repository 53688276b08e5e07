// Package web is the web app as it is built: web/dist, packed, inside every binary. What it is built from is beside it.
package web

import (
	"bufio"
	"compress/gzip"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"strings"
)

//go:embed dist.gz
var packed string

// Files is the built app by its files' names: index.html, sw.js and manifest.webmanifest, and everything else under _parley/.
func Files() map[string][]byte {
	files, err := unpack(packed)
	if err != nil {
		panic(err) // the binary holds them
	}
	return files
}

// unpack reads what web/pack writes.
func unpack(packed string) (map[string][]byte, error) {
	unzipped, err := gzip.NewReader(strings.NewReader(packed))
	if err != nil {
		return nil, err
	}
	files, in := map[string][]byte{}, bufio.NewReader(unzipped)
	for {
		var size int
		var name string
		if _, err := fmt.Fscanf(in, "%d %s\n", &size, &name); errors.Is(err, io.EOF) {
			return files, nil
		} else if err != nil {
			return nil, err
		}
		body := make([]byte, size)
		if _, err := io.ReadFull(in, body); err != nil {
			return nil, err
		}
		files[name] = body
	}
}
