package web_test

import (
	"bytes"
	"io/fs"
	"os"
	"testing"

	"github.com/parley-chat/parley/web"
)

// TestWhatIsPackedIsWhatIsBuilt: the binary holds web/dist, all of it and nothing else.
func TestWhatIsPackedIsWhatIsBuilt(t *testing.T) {
	built, packed := everything(t, os.DirFS("dist")), web.Files()
	if len(built) < 5 || len(built) != len(packed) {
		t.Errorf("%d files are built, %d packed", len(built), len(packed))
	}
	for name, body := range built {
		if !bytes.Equal(packed[name], body) {
			t.Errorf("%s is packed otherwise than it is built: run `npm run build` in web and commit it", name)
		}
	}
}

func everything(t *testing.T, files fs.FS) map[string][]byte {
	t.Helper()
	all := map[string][]byte{}
	err := fs.WalkDir(files, ".", func(name string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() {
			all[name], err = fs.ReadFile(files, name)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}
