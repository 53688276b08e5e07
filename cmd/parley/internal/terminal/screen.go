package terminal

import (
	"fmt"
	"hash/fnv"
	"io"
	"os"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"golang.org/x/term"
)

// screen writes whole lines. It never passes on a control character of
// somebody else's text: those could repaint the terminal.
type screen struct {
	out    io.Writer
	colour bool
	width  func() int // columns; 0 when there is no terminal
}

func newScreen(out io.Writer) *screen {
	s := &screen{out: out, width: func() int { return 0 }}
	f, ok := out.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) {
		return s
	}
	s.colour = os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
	s.width = func() int {
		columns, _, err := term.GetSize(int(f.Fd()))
		if err != nil {
			return 0
		}
		return columns
	}
	return s
}

// message shows what somebody said; further lines stand below the first.
func (s *screen) message(at time.Time, id, author, text string) {
	author = clean(author)
	indent := strings.Repeat(" ", len("15:04 ")+utf8.RuneCountInString(author)+2)
	lines := strings.Split(text, "\n")
	for i := range lines {
		lines[i] = clean(lines[i])
	}
	fmt.Fprintf(s.out, "%s %s %s\n", s.paint("2", at.Local().Format("15:04")),
		s.paint(authorColour(id), author+":"), strings.Join(lines, "\n"+indent))
}

// happening shows an event that is no message.
func (s *screen) happening(at time.Time, text string) {
	fmt.Fprintf(s.out, "%s %s\n", s.paint("2", at.Local().Format("15:04")), s.paint("2", clean(text)))
}

// note shows what this program has to say.
func (s *screen) note(format string, values ...any) {
	fmt.Fprintln(s.out, s.paint("33", "* "+clean(fmt.Sprintf(format, values...))))
}

func (s *screen) line(format string, values ...any) {
	fmt.Fprintln(s.out, clean(fmt.Sprintf(format, values...)))
}

// unecho takes the line that was just typed off a terminal, because it comes
// back as a message at its place.
func (s *screen) unecho(text string) {
	width := s.width()
	if width <= 0 {
		return
	}
	rows := 1 + max(0, utf8.RuneCountInString(text)-1)/width
	fmt.Fprintf(s.out, "\x1b[%dA\x1b[J", rows)
}

func (s *screen) paint(code, text string) string {
	if !s.colour {
		return text
	}
	return "\x1b[" + code + "m" + text + "\x1b[0m"
}

// authorColour is the same for the same author everywhere.
func authorColour(id string) string {
	colours := []string{"31", "32", "34", "35", "36", "91", "92", "94", "95", "96"}
	h := fnv.New32a()
	h.Write([]byte(id))
	return colours[h.Sum32()%uint32(len(colours))]
}

// clean replaces what could move the cursor, recolour the screen or turn the
// direction of the text around.
func clean(text string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\t':
			return ' '
		case unicode.IsControl(r), r >= 0x202a && r <= 0x202e, r >= 0x2066 && r <= 0x2069:
			return utf8.RuneError
		}
		return r
	}, text)
}
