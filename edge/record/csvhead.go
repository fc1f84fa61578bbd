package record

import (
	"context"
	"fmt"
	"strings"
	"time"
	"unicode"
)

// findColumns collects the columns of all segments of the run, in the order in
// which they appear. Of a segment with a contract it reads the start only.
func (e *exporter) findColumns(ctx context.Context) error {
	var cur cursor
	return e.s.walk(ctx, e.run.Device, e.win, &cur, func(it *item) error {
		if it.hi == it.lo {
			return nil
		}
		if len(it.head.Contract.Channels) > 0 {
			for i := range it.head.Contract.Channels {
				e.column(&it.head.Contract.Channels[i])
			}
			return errNextSegment
		}
		for i := range it.view.Header().Channels {
			e.column(channel(it.head, it.view.Column(i).Index))
		}
		return nil
	})
}

func (e *exporter) column(c *ChannelInfo) {
	k := columnKey{c.ID, c.Unit}
	if _, ok := e.columns[k]; !ok {
		e.columns[k] = len(e.order)
		e.order = append(e.order, column{k, c.Label.In(e.lang)})
	}
}

// comments writes what the numbers need to be understood.
func (e *exporter) comments() {
	r := &e.run
	line := func(name, text string) { fmt.Fprintf(e.w, "# %s: %s\r\n", name, commentText(text)) }
	opt := func(name, text string) {
		if text != "" {
			line(name, text)
		}
	}
	line("labbox run", r.ID)
	line("box", e.s.cfg.Box)
	line("device", r.Device)
	opt("type", r.Type)
	opt("contract", r.Contract)
	opt("name", r.Name)
	opt("notes", r.Notes)
	opt("by", r.By.Name)
	zero := time.Unix(0, e.win.ZeroWall).UTC()
	line("started", zero.Format("2006-01-02T15:04:05.000Z")+" (box_time_s 0, by the box's wall clock)")
	line("box clock at start", e.win.Zero.At.String()+" after the box's process started")
	line("length_s", string(appendSeconds(nil, time.Duration(r.LengthMS)*time.Millisecond)))
	if r.PreTriggerMS > 0 {
		line("pre_trigger_s", string(appendSeconds(nil, time.Duration(r.PreTriggerMS)*time.Millisecond)))
	}
	line("state", r.State)
	line("samples", fmt.Sprint(r.Samples))
	line("gaps", fmt.Sprintf("%d; known lost samples: %d; each gap has a row whose last cell says how many are missing and why", r.Gaps, r.Lost))
	for _, n := range r.Notices {
		line("notice", n)
	}
	for _, c := range e.order {
		unit := ""
		if c.unit != "" {
			unit = " [" + c.unit + "]"
		}
		line("channel", strings.TrimSpace(c.id+unit+" "+c.label))
	}
	for _, a := range r.Annotations {
		line("note", fmt.Sprintf("at %s s by %s: %s", appendSeconds(nil, time.Duration(a.TimeMS)*time.Millisecond), a.By.Name, a.Text))
	}
}

// headerRow names every column, with its unit.
func (e *exporter) headerRow() {
	b := append(e.row[:0], "seq,box_time_s,device_time_s"...)
	for _, c := range e.order {
		b = append(b, ',')
		name := c.id
		if c.unit != "" {
			name += "_" + c.unit
		}
		b = appendText(b, name)
	}
	_ = e.write(append(b, ",gap"...)) // bufio keeps the error for the next write
}

// appendText writes a cell of text: quoted where RFC 4180 asks for it, and such
// that a spreadsheet does not take it for a formula.
func appendText(b []byte, s string) []byte {
	if s != "" && strings.ContainsRune("=+-@\t\r\n", rune(s[0])) {
		s = "'" + s
	}
	if !strings.ContainsAny(s, ",\"\r\n") {
		return append(b, s...)
	}
	b = append(b, '"')
	b = append(b, strings.ReplaceAll(s, `"`, `""`)...)
	return append(b, '"')
}

// commentText makes s safe in a comment line: one line, no quotes, and no cell
// that a spreadsheet could take for a formula if it splits the line.
func commentText(s string) string {
	var b strings.Builder
	start := false // at the start of what a spreadsheet may take for a cell
	for _, r := range s {
		switch {
		case r == '"':
			r = '\''
		case unicode.IsControl(r) || r == '\u2028' || r == '\u2029' || r == '\ufeff':
			r = ' '
		}
		if start && strings.ContainsRune("=+-@", r) {
			b.WriteByte('\'')
		}
		switch {
		case r == ',' || r == ';' || r == '|':
			start = true
		case r != ' ':
			start = false
		}
		b.WriteRune(r)
	}
	return b.String()
}
