package store

import (
	"encoding/base64"
	"encoding/hex"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/parley-chat/parley/internal/chat"
)

// A cursor is the sort key of the last item of a page, so that a page that is
// asked for again starts behind the same item, whatever has come or gone.

func cursor(key ...string) string {
	return base64.RawURLEncoding.EncodeToString([]byte(strings.Join(key, "\x00")))
}

// parseCursor returns the n parts of a cursor, or nil for the empty one.
func parseCursor(c string, n int) ([]string, error) {
	if c == "" {
		return nil, nil
	}
	b, err := base64.RawURLEncoding.DecodeString(c)
	key := strings.Split(string(b), "\x00")
	if err != nil || len(key) != n || cursor(key...) != c || !utf8.Valid(b) {
		return nil, badCursor()
	}
	return key, nil
}

func badCursor() error {
	return chat.Errorf(chat.Invalid, "the cursor is not one that a page ended with")
}

func cursorInt(n int64) string { return strconv.FormatInt(n, 36) }

func parseInt(s string) (int64, error) {
	n, err := strconv.ParseInt(s, 36, 64)
	if err != nil {
		return 0, badCursor()
	}
	return n, nil
}

func cursorID(id chat.ID) string { return hex.EncodeToString(id[:]) }

func parseID(s string) (id chat.ID, err error) {
	b, err := hex.DecodeString(s)
	if err != nil || len(b) != len(id) {
		return id, badCursor()
	}
	return chat.ID(b), nil
}

// parseUserCursor is the last user of the page before; the zero id before the
// first page.
func parseUserCursor(c string) (last chat.UserID, err error) {
	key, err := parseCursor(c, 1)
	if err != nil || key == nil {
		return last, err
	}
	return parseID(key[0])
}

// page cuts items, of which one more than limit was read, to limit, and gives
// the cursor behind the last when there are more.
func page[T any](items []T, limit int, key func(*T) string) ([]T, string) {
	if len(items) <= limit {
		return items, ""
	}
	items = items[:limit]
	return items, key(&items[limit-1])
}
