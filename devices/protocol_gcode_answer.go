package devices

import (
	"bytes"
	"strconv"
	"strings"

	"labbox/edge"
	"labbox/firmware-protocols/gcode"
	"labbox/firmware-protocols/lines"
)

// gcodeAnswer awaits the ok of every line of a message, and hands out those that
// the stage's buffer has no room for yet.
type gcodeAnswer struct {
	c      *gcodeCodec
	lines  [][]byte
	reply  *Reply
	args   []argument
	status bool          // the answer is a report
	got    []lines.Field // what stood between the lines and their answers

	ids []uint64 // of the lines that went out; guarded by c.mu
}

// push counts the next line, right before it goes out.
func (a *gcodeAnswer) push() error {
	c := a.c
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(a.ids) == 0 && (c.idle >= idleHeard || !c.byByte()) {
		c.win.Reset()
	}
	c.idle = 0
	id, ok := c.win.Push(a.lines[len(a.ids)])
	if !ok {
		return edge.Errorf(edge.CodeNotReady, "the stage has %d lines that it has not answered yet", c.win.Lines()).
			WithHint("wait until it stands, or stop it")
	}
	a.ids = append(a.ids, id)
	return nil
}

// next implements flow.
func (a *gcodeAnswer) next() (data []byte, ready func() error) {
	c := a.c
	c.mu.Lock()
	defer c.mu.Unlock()
	if n := len(a.ids); n < len(a.lines) && c.win.Free() >= len(a.lines[n]) {
		return a.lines[n], a.push
	}
	return nil, nil
}

func (a *gcodeAnswer) room() <-chan struct{} { return a.c.room }

// answer is called while c.mu is held, by feed.
func (a *gcodeAnswer) answer(r *lines.Record) (verdict, error) {
	l := a.c.line
	if l == nil || len(a.ids) == 0 {
		return notMine, nil
	}
	switch l.Kind {
	case gcode.Banner:
		return declined, edge.Errorf(edge.CodeUnknownOutcome, "the stage started again before it answered").WithHint("look at the device")
	case gcode.Alarm:
		return declined, a.refused(l, 0)
	case gcode.Message:
		if a.collect(l) {
			r.Kind = lines.Labels
			a.c.line = nil // nothing to tell the people
		}
	case gcode.Status:
		if a.status {
			a.keep(r.Fields)
			r.Kind = lines.Labels
			a.c.line = nil
		}
	case gcode.Error:
		for i, id := range a.ids {
			if id == a.c.id {
				return declined, a.refused(l, i)
			}
		}
	case gcode.OK:
		if len(a.ids) < len(a.lines) || a.c.id != a.ids[len(a.ids)-1] {
			return notMine, nil
		}
		r.Fields = append(r.Fields, a.got...)
		if a.reply != nil && len(a.reply.OK) > 0 && !matchFields(r, a.reply.OK, a.args) {
			return declined, edge.Errorf(edge.CodeDeviceRefused, "the device answered %s", a.told()).With("reply", a.told())
		}
		return obeyed, nil
	}
	return notMine, nil
}

// refused is the stage's own no to line i.
func (a *gcodeAnswer) refused(l *gcode.Line, i int) error {
	words := gcodeWords(l)
	err := edge.Errorf(edge.CodeDeviceRefused, "the device answered %s", words).With("reply", clip(l.Raw))
	if len(a.lines) > 1 && l.Kind == gcode.Error {
		err = edge.Errorf(edge.CodeDeviceRefused, "the device answered %s, to line %d of %d (%s); those behind it that it had already got may have been carried out",
			words, i+1, len(a.lines), clip(bytes.TrimSpace(a.lines[i]))).With("reply", clip(l.Raw)).With("line", i+1)
	}
	return err
}

// mostGot bounds what is kept of one answer.
const mostGot = 128

// collect keeps what a message says: [VER:1.1h:] is the field VER, $110=500 the
// field $110.
func (a *gcodeAnswer) collect(l *gcode.Line) bool {
	body, sep := string(l.Raw), "="
	if inner, ok := strings.CutPrefix(body, "["); ok {
		body, sep = strings.TrimSuffix(inner, "]"), ":"
	}
	key, val, ok := strings.Cut(body, sep)
	if !ok || key == "" || key == "MSG" || len(a.got) >= mostGot {
		return false
	}
	x, err := strconv.ParseFloat(val, 64)
	a.got = append(a.got, lines.Field{Key: []byte(key), Kind: lines.Text, Text: []byte(val), Num: x, NumOK: err == nil})
	return true
}

// keep copies a report's fields.
func (a *gcodeAnswer) keep(fs []lines.Field) {
	a.got = a.got[:0]
	for _, f := range fs {
		f.Text = bytes.Clone(f.Text)
		a.got = append(a.got, f)
	}
}

// told is what the stage said, for people.
func (a *gcodeAnswer) told() string {
	if len(a.got) == 0 {
		return "ok, and nothing else"
	}
	var s []string
	for _, f := range a.got {
		s = append(s, clip(f.Key)+" "+clip(f.Text))
	}
	return strings.Join(s, ", ")
}
