package terminal

import (
	"strings"

	tea "charm.land/bubbletea/v2"

	"github.com/parley-chat/parley/client"
)

// keys is what F1 shows.
const keys = `Enter            send (Ctrl-J or Alt-Enter: new line)
Ctrl-N, Ctrl-P   next, previous room
Tab              next room with something unread
Shift-Tab        the room before
Ctrl-G           go to a room by name
PgUp, PgDn       back and forth in what was said
Ctrl-End         to the newest
Up               choose a message (in an empty line):
                 Enter answers it, e edits it,
                 d deletes it, + puts a 👍 under it
Esc              back to writing
Ctrl-L           draw everything again
Ctrl-C           leave

/open ROOM       a name, #handle or @username
/join ROOM       the same: a channel is joined
/who, /leave     this room
//text           say text that begins with a slash`

// press does what a key is for.
func (w *window) press(k tea.KeyPressMsg) tea.Cmd {
	w.said = ""
	name := k.String()
	if w.doing == reading && name != "ctrl+c" {
		w.doing = writing
		return nil
	}
	switch name {
	case "ctrl+c":
		return w.leave()
	case "ctrl+l":
		return tea.ClearScreen
	case "ctrl+z":
		return tea.Suspend
	case "f1":
		w.doing = reading
	case "ctrl+g":
		return w.goSomewhere()
	case "ctrl+n", "alt+down":
		return w.step(1)
	case "ctrl+p", "alt+up":
		return w.step(-1)
	case "shift+tab":
		return w.turnTo(w.places[w.before])
	case "pgup":
		return w.scroll(max(1, w.mainHeight()-2))
	case "pgdown":
		return w.scroll(-max(1, w.mainHeight()-2))
	case "ctrl+end":
		return w.scroll(-1 << 30)
	default:
		switch w.doing {
		case going:
			return w.pressGoing(name, k)
		case choosing, deleting:
			return w.pressChoosing(name)
		default:
			return w.pressWriting(name, k)
		}
	}
	return nil
}

func (w *window) pressWriting(name string, k tea.KeyPressMsg) tea.Cmd {
	empty := w.writing.Value() == ""
	switch {
	case name == "enter":
		return w.send()
	case name == "esc":
		w.stopAnswering()
		return nil
	case name == "tab":
		return w.nextUnread()
	case name == "ctrl+d" && empty:
		return w.leave()
	case name == "up" && empty && w.open != nil:
		return w.choose(-1)
	}
	return w.edit(k)
}

// pressChoosing works on the chosen message.
func (w *window) pressChoosing(name string) tea.Cmd {
	p, e := w.open, w.chosen
	if w.doing == deleting {
		if w.doing = choosing; name != "y" && name != "d" {
			return nil
		}
		w.stopChoosing()
		return w.remove(p, e)
	}
	switch name {
	case "up", "k":
		return w.choose(-1)
	case "down", "j":
		return w.choose(1)
	case "enter", "r":
		return w.takeUp(p, e)
	case "e":
		w.revise(e)
	case "d":
		w.discard(p, e)
	case "+":
		if e.seq != 0 && !e.deleted {
			w.stopChoosing()
			return w.react(p, e)
		}
	default:
		w.stopChoosing()
	}
	return nil
}

func (w *window) stopChoosing() { w.doing, w.chosen = writing, nil }

// takeUp answers a message, or sends again what was refused.
func (w *window) takeUp(p *place, e *entry) tea.Cmd {
	w.stopChoosing()
	switch {
	case e.refusal != nil:
		return w.again(p, e)
	case e.seq == 0 || e.deleted:
		w.said = "that cannot be answered"
	default:
		w.replying = e
	}
	return nil
}

func (w *window) revise(e *entry) {
	if e.seq == 0 || e.deleted || e.by != w.me.ID {
		w.said = "people edit their own messages"
		return
	}
	w.stopChoosing()
	w.replying, w.editing = nil, e
	w.writing.SetValue(e.text)
}

// discard asks whether to delete a message; what was refused just goes.
func (w *window) discard(p *place, e *entry) {
	switch {
	case e.refusal != nil:
		w.stopChoosing()
		p.settle(e.nonce)
	case e.seq == 0 || e.deleted:
		w.said = "there is nothing to delete"
	default:
		w.doing = deleting
	}
}

// choose moves to another message, and loads more where there are none.
func (w *window) choose(by int) tea.Cmd {
	p := w.open
	all := p.all()
	at := len(all)
	for i, e := range all {
		if e == w.chosen {
			at = i
		}
	}
	for at += by; at >= 0 && at < len(all); at += by {
		if all[at].message() {
			w.doing, w.chosen = choosing, all[at]
			w.reveal(p, at)
			return nil
		}
	}
	if by > 0 {
		w.stopChoosing()
		p.scroll = 0
		return nil
	}
	return w.loadOlder(p)
}

// scroll moves the window over the lines, up by so many, and loads more where
// they end.
func (w *window) scroll(up int) tea.Cmd {
	p := w.open
	if p == nil {
		return nil
	}
	height := w.mainHeight()
	lines, whole := w.lines(p, w.mainWidth(), height+p.scroll+max(0, up))
	p.scroll = max(0, min(p.scroll+up, len(lines)-height))
	if whole && p.scroll >= len(lines)-height {
		return w.loadOlder(p)
	}
	return nil
}

// step turns to a neighbour in the list.
func (w *window) step(by int) tea.Cmd {
	all := w.sorted()
	if len(all) == 0 {
		return nil
	}
	at := -1
	for i, r := range all {
		if w.open != nil && r.ID == w.open.ID {
			at = i
		}
	}
	if at < 0 {
		return w.turnTo(w.places[all[0].ID])
	}
	return w.turnTo(w.places[all[(at+by+len(all))%len(all)].ID])
}

// nextUnread turns to the next room in which something calls me, or else is
// unread.
func (w *window) nextUnread() tea.Cmd {
	all := w.sorted()
	at := 0
	for i, r := range all {
		if w.open != nil && r.ID == w.open.ID {
			at = i + 1
		}
	}
	var unread *client.Room
	for i := range all {
		r := all[(at+i)%len(all)]
		if r.Mentions > 0 {
			return w.turnTo(w.places[r.ID])
		}
		if r.Unread > 0 && !r.Muted && unread == nil {
			unread = r
		}
	}
	if unread == nil {
		w.said = "nothing is unread"
		return nil
	}
	return w.turnTo(w.places[unread.ID])
}

// goSomewhere asks for the name of a room.
func (w *window) goSomewhere() tea.Cmd {
	w.doing, w.chosen, w.found = going, nil, 0
	w.search.Reset()
	return w.search.Focus()
}

func (w *window) pressGoing(name string, k tea.KeyPressMsg) tea.Cmd {
	found := w.matches()
	switch name {
	case "esc":
		w.doing = writing
	case "up":
		w.found = max(0, w.found-1)
	case "down", "tab":
		w.found = min(w.found+1, max(0, len(found)-1))
	case "enter":
		w.doing = writing
		if w.found < len(found) {
			return w.turnTo(w.places[found[w.found].ID])
		}
		if wanted := strings.TrimSpace(w.search.Value()); wanted != "" {
			return w.visit(wanted)
		}
	default:
		return w.edit(k)
	}
	return nil
}

// matches are my rooms whose title holds what is looked for.
func (w *window) matches() (found []*client.Room) {
	wanted := strings.ToLower(strings.TrimPrefix(strings.TrimSpace(w.search.Value()), "#"))
	for _, r := range w.sorted() {
		if strings.Contains(strings.ToLower(title(r)), wanted) || strings.Contains(r.Handle, wanted) {
			found = append(found, r)
		}
	}
	return found
}
