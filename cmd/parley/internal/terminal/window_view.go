package terminal

import (
	"fmt"
	"slices"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"

	"github.com/parley-chat/parley/client"
)

// How the window looks:
//
//	Parley  ann                                     ● connected
//	  general      2 │ kitchen · what there is to eat
//	> kitchen        │ ── Wed 25 Nov ──
//	  @bob        @1 │ bob  10:12
//	                 │   soup is ready
//	                 │ ── new ──
//	                 │ carol  10:14
//	                 │   ↳ bob: soup is ready
//	                 │   which one?
//	answering carol: which one?
//	> the red one
//	bob writes …                                     F1 what keys do
//
// bubbletea sends only what has changed, and takes the colours away where they are
// not wanted (NO_COLOR) or not known.

const (
	listWidth  = 24
	wideEnough = 72 // columns from which on the list of rooms is shown beside a room
	gutter     = 2  // columns before what was said
)

// Colours of text, as SGR codes.
const (
	faint   = "2"
	strong  = "1"
	good    = "32"
	notable = "33"
	alarm   = "31"
)

func paint(code, text string) string { return "\x1b[" + code + "m" + text + "\x1b[0m" }

// View draws everything.
func (w *window) View() tea.View {
	v := tea.View{AltScreen: true, ReportFocus: true, WindowTitle: w.name()}
	if w.width == 0 || w.height == 0 {
		return v
	}
	rows := []string{w.header()}
	rows = append(rows, w.body()...)
	if line := w.answering(); line != "" {
		rows = append(rows, line)
	}
	at := len(rows)
	input, cursor := w.input()
	rows = append(rows, strings.Split(input, "\n")...)
	rows = append(rows, w.footer())
	if cursor != nil {
		cursor.Y += at
		v.Cursor = cursor
	}
	v.Content = strings.Join(rows, "\n")
	return v
}

func (w *window) input() (string, *tea.Cursor) {
	if w.doing == going {
		return w.search.View(), w.search.Cursor()
	}
	cursor := w.writing.Cursor()
	if w.doing != writing {
		cursor = nil
	}
	return strings.TrimRight(w.writing.View(), "\n"), cursor
}

// name is the title of the terminal's window.
func (w *window) name() string {
	unread := 0
	for _, p := range w.places {
		if !p.Muted {
			unread += p.Unread
		}
	}
	if unread > 0 {
		return fmt.Sprintf("(%d) Parley", unread)
	}
	return "Parley"
}

func (w *window) header() string {
	left := " Parley  " + clean(w.me.Username)
	state := paint(good, "●") + " connected "
	switch wait := w.retry.Sub(w.now); {
	case w.me.ID == "":
		state = "connecting … "
	case w.offline && wait > 0:
		state = paint(notable, "○ no connection; trying again in "+seconds(wait)+" ")
	case w.offline:
		state = paint(notable, "○ no connection; trying … ")
	}
	return apart(paint(strong, ansi.Truncate(left, w.width, "…")), state, w.width)
}

// apart puts two texts at the ends of a line; the right one goes where there is
// no room.
func apart(left, right string, width int) string {
	space := width - ansi.StringWidth(left) - ansi.StringWidth(right)
	if space < 1 {
		return fit(left, width)
	}
	return left + strings.Repeat(" ", space) + right
}

// fit makes a text as wide as asked for.
func fit(text string, width int) string {
	if n := ansi.StringWidth(text); n <= width {
		return text + strings.Repeat(" ", width-n)
	}
	return ansi.Truncate(text, width, "…")
}

func (w *window) listed() bool { return w.width >= wideEnough }

// mainWidth and mainHeight are of what was said in the open room.
func (w *window) mainWidth() int {
	if w.listed() {
		return w.width - listWidth - 3
	}
	return w.width
}

func (w *window) mainHeight() int { return max(1, w.bodyHeight()-1) }

func (w *window) bodyHeight() int {
	height := w.height - 2 - w.writing.Height() // header, footer
	if w.doing == going {
		height = w.height - 3
	}
	if w.replying != nil || w.editing != nil {
		height--
	}
	return max(2, height)
}

func (w *window) body() []string {
	height := w.bodyHeight()
	main := w.main(height)
	if !w.listed() {
		return main
	}
	list := w.list(height)
	for i := range main {
		main[i] = list[i] + paint(faint, " │ ") + main[i]
	}
	return main
}

// list is my rooms; while one is looked for, those found.
func (w *window) list(height int) []string {
	rooms, marked := w.sorted(), -1
	if w.doing == going {
		rooms, marked = w.matches(), w.found
	} else if w.open != nil {
		marked = slices.IndexFunc(rooms, func(r *client.Room) bool { return r.ID == w.open.ID })
	}
	first := max(0, min(marked-height/2, len(rooms)-height))
	rows := make([]string, 0, height)
	for i := first; i < len(rooms) && len(rows) < height; i++ {
		rows = append(rows, roomLine(rooms[i], i == marked))
	}
	for len(rows) < height {
		rows = append(rows, strings.Repeat(" ", listWidth))
	}
	return rows
}

func roomLine(r *client.Room, marked bool) string {
	count, colour := "", ""
	switch {
	case r.Mentions > 0:
		count, colour = fmt.Sprintf("@%d", r.Mentions), alarm
	case r.Unread > 0:
		count, colour = fmt.Sprint(r.Unread), strong
	}
	sign := "  "
	if marked {
		sign = "> "
	}
	name := fit(sign+clean(title(r)), listWidth-len(count)-1)
	switch {
	case marked:
		name = paint(strong, name)
	case r.Muted || r.Archived:
		name = paint(faint, name)
	case r.Unread > 0:
		name = paint(strong, name)
	}
	if count != "" {
		count = paint(colour, count)
	}
	return name + " " + count
}

// main is the open room, or what is shown in its place.
func (w *window) main(height int) []string {
	width := w.mainWidth()
	switch {
	case w.doing == reading:
		return exactly(strings.Split(keys, "\n"), width, height)
	case w.doing == going && !w.listed():
		return exactly(w.list(height), width, height)
	case w.open == nil:
		return exactly([]string{"", paint(faint, "  no room is open: Ctrl-G goes to one, /join ROOM enters a public channel")}, width, height)
	}
	p := w.open
	heading := paint(strong, clean(title(&p.Room)))
	if p.Topic != "" {
		heading += paint(faint, "  "+clean(p.Topic))
	}
	if p.Archived {
		heading += paint(notable, "  archived")
	}
	lines, whole := w.lines(p, width, height-1+p.scroll)
	end := max(0, len(lines)-max(0, min(p.scroll, len(lines)-height+1)))
	lines = lines[max(0, end-height+1):end]
	if empty := height - 1 - len(lines); empty > 0 {
		lines = slices.Concat(w.beginning(p, whole, empty), lines)
	}
	return exactly(append([]string{heading}, lines...), width, height)
}

// beginning fills what is empty above the first lines.
func (w *window) beginning(p *place, whole bool, height int) []string {
	rows := make([]string, height)
	switch {
	case !p.loaded:
		rows[height-1] = paint(faint, "  loading …")
	case whole && p.complete && len(p.entries) == 0 && len(p.outgoing) == 0:
		rows[height-1] = paint(faint, "  nobody has said anything here yet")
	case p.loading:
		rows[height-1] = paint(faint, "  loading what was before …")
	}
	return rows
}

// exactly makes so many lines that are so wide.
func exactly(lines []string, width, height int) []string {
	for len(lines) < height {
		lines = append(lines, "")
	}
	lines = lines[:height]
	for i := range lines {
		lines[i] = fit(lines[i], width)
	}
	return lines
}

// lines are the last of a room's, at least so many if there are; whole says that
// the first known one is among them.
func (w *window) lines(p *place, width, want int) (lines []string, whole bool) {
	all := p.all()
	var blocks [][]string
	n := 0
	for i := len(all) - 1; i >= 0 && n < want; i-- {
		block := w.draw(p, i, width)
		blocks, n = append(blocks, block), n+len(block)
		whole = i == 0
	}
	slices.Reverse(blocks)
	return slices.Concat(blocks...), whole || len(all) == 0
}

// reveal scrolls to where an entry is seen.
func (w *window) reveal(p *place, at int) {
	all, width := p.all(), w.mainWidth()
	below := 0
	for i := len(all) - 1; i > at; i-- {
		below += len(w.draw(p, i, width))
	}
	size := len(w.draw(p, at, width))
	p.scroll = max(below+size-w.mainHeight(), min(p.scroll, below))
}

// draw is an entry with what is above it: a day, the line before what is new, a
// name.
func (w *window) draw(p *place, at, width int) (rows []string) {
	all := p.all()
	e := all[at]
	var before *entry
	if at > 0 {
		before = all[at-1]
	}
	if before == nil || day(before.at) != day(e.at) {
		rows = append(rows, paint(faint, "── "+e.at.Local().Format("Mon 2 Jan 2006")+" ──"))
		before = nil
	}
	if p.fresh && e.seq > p.since && (at == 0 || all[at-1].seq <= p.since) {
		rows = append(rows, paint(alarm, "── new ──"))
		before = nil
	}
	if e.message() && !follows(e, before) {
		rows = append(rows, paint(strong+";"+authorColour(e.by), clean(w.names.of(e.by)))+paint(faint, "  "+e.at.Local().Format("15:04")))
	}
	lines := w.ownLines(p, e, width)
	if e != w.chosen {
		return append(rows, lines...)
	}
	for _, l := range lines {
		rows = append(rows, paint("7", fit(ansi.Strip(l), width)))
	}
	return rows
}

func day(t time.Time) string { return t.Local().Format(time.DateOnly) }

// together is how long somebody speaks under one name.
const together = 5 * time.Minute

func follows(e, before *entry) bool {
	return before != nil && before.message() && before.by == e.by && e.at.Sub(before.at) < together
}

// ownLines is the entry's own lines, kept until something of it changes.
func (w *window) ownLines(p *place, e *entry, width int) []string {
	d := drawing{width, w.known}
	if e.lines == nil || e.drawn != d {
		e.lines, e.drawn = w.entryLines(p, e, width), d
	}
	return e.lines
}

func (w *window) entryLines(p *place, e *entry, width int) (rows []string) {
	indent, room := strings.Repeat(" ", gutter), max(8, width-gutter)
	add := func(code, text string) {
		for line := range strings.SplitSeq(ansi.Wrap(text, room, ""), "\n") {
			if code != "" {
				line = paint(code, line)
			}
			rows = append(rows, indent+line)
		}
	}
	if !e.message() {
		add(faint, e.at.Local().Format("15:04 ")+clean(w.names.sentence(*e.event)))
		return rows
	}
	if about := e.about(); about != 0 {
		rows = append(rows, indent+paint(faint, ansi.Truncate("↳ "+w.quotation(p, about), room, "…")))
	}
	code, text := "", e.text
	switch {
	case e.deleted:
		code, text = faint, "(deleted)"
	case e.seq == 0 && e.refusal == nil:
		code, text = faint, text+" …"
	case e.calls:
		code = notable
	}
	if e.edited && !e.deleted {
		text += " (edited)"
	}
	for line := range strings.SplitSeq(text, "\n") {
		add(code, clean(line))
	}
	if line := reactionLine(e); line != "" {
		add("", line)
	}
	if e.replies > 0 {
		add(faint, fmt.Sprintf("%d in the thread", e.replies))
	}
	if e.refusal != nil {
		add(alarm, "not sent: "+clean(e.refusal.Error())+". Up and Enter: once more; Up and d: away with it")
	}
	return rows
}

func (w *window) quotation(p *place, seq uint64) string {
	e := p.find(seq)
	if e == nil {
		return fmt.Sprintf("message %d", seq)
	}
	text, _, _ := strings.Cut(said(e.text, e.deleted), "\n")
	return clean(w.names.of(e.by) + ": " + text)
}

func reactionLine(e *entry) string {
	parts := make([]string, len(e.reactions))
	for i, r := range e.reactions {
		parts[i] = fmt.Sprintf("%s %d", clean(r.Emoji), r.Count)
		if r.Me {
			parts[i] = paint(strong, parts[i])
		}
	}
	return strings.Join(parts, "  ")
}

// answering says what is being answered or edited.
func (w *window) answering() string {
	switch {
	case w.editing != nil:
		return paint(notable, fit("editing a message; Esc leaves it as it is", w.width))
	case w.replying != nil:
		text, _, _ := strings.Cut(w.replying.text, "\n")
		return paint(notable, fit("answering "+clean(w.names.of(w.replying.by)+": "+text), w.width))
	}
	return ""
}

// footer says what goes on, or which keys there are.
func (w *window) footer() string {
	hint := paint(faint, "F1 what keys do ")
	switch {
	case w.said != "":
		return paint(notable, fit(" "+clean(w.said), w.width))
	case w.doing == deleting:
		return paint(alarm, fit(" delete this message? y deletes it", w.width))
	case w.doing == choosing:
		return paint(faint, fit(" Up/Down another · Enter answer · e edit · d delete · + 👍 · Esc back", w.width))
	case w.doing == going:
		return paint(faint, fit(" Up/Down another · Enter opens it, or joins what you have typed · Esc back", w.width))
	case w.doing == reading:
		return paint(faint, fit(" any key goes back", w.width))
	case w.open != nil && w.open.scroll > 0:
		return paint(faint, fit(" further back; Ctrl-End goes to the newest", w.width))
	}
	return apart(paint(faint, fit(" "+w.writers(), max(0, w.width-20))), hint, w.width)
}

// writers says who writes in the open room.
func (w *window) writers() string {
	if w.open == nil {
		return ""
	}
	var who []string
	for id, until := range w.open.typing {
		if until.After(w.now) {
			who = append(who, clean(w.names.of(id)))
		}
	}
	slices.Sort(who)
	switch len(who) {
	case 0:
		return ""
	case 1:
		return who[0] + " writes …"
	}
	return strings.Join(who, ", ") + " write …"
}

// here says who is connected to a room.
func here(users []client.User, members int) string {
	list := make([]string, len(users))
	for i, u := range users {
		list[i] = u.Username
	}
	return fmt.Sprintf("%d of %d here: %s", len(users), max(members, len(users)), strings.Join(list, ", "))
}
