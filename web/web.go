// Package web is the web app as it is built: web/dist, inside every binary. What it is built from is beside it.
package web

import (
	"embed"
	"io/fs"
)

//go:embed all:dist
var dist embed.FS

// Files is the built app: index.html, sw.js and manifest.webmanifest, and everything else under _parley/.
func Files() fs.FS {
	files, err := fs.Sub(dist, "dist")
	if err != nil {
		panic(err) // "dist" is a valid path
	}
	return files
}
