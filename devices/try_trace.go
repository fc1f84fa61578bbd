package devices

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"sync"
	"time"

	"labbox/edge"
	"labbox/firmware-protocols/fields"
	"labbox/firmware-protocols/lines"
)

// tracer tells what becomes of each message, and counts.
type tracer struct {
	trial  *Trial
	clock  edge.Clock
	s      *Supervisor
	reader *reader

	mu      sync.Mutex
	opened  time.Duration
	span    []byte // received since the last record
	records int    // since the last byte
	names   map[string]string
	matched uint64
	misfits uint64
	stats   map[string]*TryChannel
	unknown map[string]*TryField
	vals    fields.Values
}

// tracing is told what became of a record, and what awaited it.
type tracing func(rec *lines.Record, e *expectation, now time.Duration)

// noMessage is why messages that are described by parts are not understood.
const noMessage = "matches no declared message"

// mostSpan is how many bytes without a record are kept to be shown.
const mostSpan = 512

// mostUnknown is how many fields are kept that no channel takes.
const mostUnknown = 64

func (tr *tracer) begin(s *Supervisor) {
	tr.s = s
	tr.opened = tr.clock.Mono()
	for _, p := range s.polls() {
		if out, err := p.message(); err == nil {
			tr.names[string(out.data)] = "poll " + p.id
		}
	}
}

func (tr *tracer) since() time.Duration { return tr.clock.Mono() - tr.opened }

func (tr *tracer) line(dir byte, b []byte, text string) {
	if tr.trial.Line != nil {
		tr.trial.Line(TryLine{At: tr.since(), Dir: dir, Bytes: b, Text: text})
	}
}

func (tr *tracer) news(text string) {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	tr.line('!', nil, text)
}

// came notes received bytes, before the codec gets them.
func (tr *tracer) came(b []byte) {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	tr.records = 0
	tr.span = append(tr.span, b...)
	if len(tr.span) > mostSpan+64<<10 {
		tr.span = append(tr.span[:0], tr.span[len(tr.span)-mostSpan:]...)
	}
}

// sent shows a message to the device.
func (tr *tracer) sent(b []byte) {
	tr.s.mu.Lock()
	tr.s.quiet = logLimit{} // a trial shows each failure
	tr.s.mu.Unlock()
	tr.mu.Lock()
	defer tr.mu.Unlock()
	tr.line('>', b, tr.names[string(b)])
}

// record is told of each record once the reader is through with it; e is what
// awaited it.
func (tr *tracer) record(rec *lines.Record, e *expectation, _ time.Duration) {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	b := rec.Raw
	if tr.records == 0 {
		b = tr.span
	}
	text, good := tr.explain(rec, e)
	if good {
		tr.matched++
	} else {
		tr.misfits++
	}
	tr.line('<', b, text)
	tr.records++
	tr.span = tr.span[:0]
}

// explain says what a record is, or byte by byte why it is nothing.
func (tr *tracer) explain(rec *lines.Record, e *expectation) (text string, good bool) {
	if e != nil {
		text = "answer"
		if e.round != nil {
			text = "answer to poll " + e.round.id
		}
		var retry *retryError
		switch {
		case asRetry(e.outcome, &retry):
			return text + ": ask again", true
		case e.outcome != nil:
			return text + ": " + edge.AsError(e.outcome).Message, true
		}
		if _, byFields := e.reply.(*fieldsAnswer); byFields {
			return text, true
		}
		return join(text, tr.values(rec, false)), true
	}
	switch rec.Kind {
	case lines.Values, lines.Labels:
		shown := tr.values(rec, rec.Kind == lines.Values)
		if id := tr.message(rec); id != "" {
			return join("message "+id, shown), true
		}
		if shown == "" {
			return "no channel takes any of it", rec.Kind == lines.Labels || len(tr.trial.Type.Connect.Banner) > 0 && matchFields(rec, tr.trial.Type.Connect.Banner, nil)
		}
		return shown, true
	case lines.Overlong:
		return "too long for this type", false
	case lines.Garbage:
		if rec.Plain {
			return join("words", rec.Why), true
		}
	}
	return tr.garbage(rec), false
}

// message names the declared message that a record is.
func (tr *tracer) message(rec *lines.Record) string {
	if m := tr.trial.Type.Protocol.Messages; m != nil {
		for i := range m.Receive {
			if m.Receive[i].pattern.Match(rec.Raw, &tr.vals, nil) {
				return m.Receive[i].ID
			}
		}
	}
	return ""
}

// garbage says why a record is nothing: what the codec says, and where it parts
// from what is declared or awaited.
func (tr *tracer) garbage(rec *lines.Record) string {
	why := []string{rec.Why}
	if m := tr.trial.Type.Protocol.Messages; m != nil && rec.Why == noMessage {
		best, id := fields.Explanation{At: -1}, ""
		for i := range m.Receive {
			if x := m.Receive[i].pattern.Explain(rec.Raw, nil); x.At > best.At {
				best, id = x, m.Receive[i].ID
			}
		}
		if id != "" {
			why = append(why, fmt.Sprintf("%s: at byte %d it has %s, not %s", id, best.At, best.Got, best.Want))
		}
	}
	tr.reader.l.watch.mu.Lock()
	for _, e := range tr.reader.l.watch.list {
		if e.armed && !e.settled && e.mismatch != "" {
			what := "what is awaited"
			if e.round != nil {
				what = "poll " + e.round.id
			}
			why = append(why, "not the answer to "+what+": "+e.mismatch)
		}
	}
	tr.reader.l.watch.mu.Unlock()
	return "not understood: " + strings.Join(slices.DeleteFunc(why, func(s string) bool { return s == "" }), "; ")
}

// values are a record's fields as its channels show them. A field that nothing
// takes is noted where the device sent it by itself.
func (tr *tracer) values(rec *lines.Record, byItself bool) string {
	var out []string
	in := tr.reader.in
	for k := range rec.Fields {
		f := &rec.Fields[k]
		places := in.index[string(f.Key)]
		for _, i := range places {
			ch := &in.chans[i]
			x, arr, ok := ch.read(f)
			switch {
			case !ok:
				out = append(out, fmt.Sprintf("%s: %s is none of its values", ch.ID, fieldText(f)))
			case arr != nil:
				for _, v := range arr {
					tr.count(ch, v)
				}
				out = append(out, fmt.Sprintf("%s %d values to %s", ch.ID, len(arr), tr.shown(ch, arr[max(0, len(arr)-1):])))
			default:
				tr.count(ch, x)
				out = append(out, ch.ID+" "+tr.shown(ch, []float64{x}))
			}
		}
		if len(places) == 0 && byItself && !tr.known(string(f.Key)) {
			tr.note(f)
			out = append(out, fmt.Sprintf("also `%s`", clip(f.Key)))
		}
	}
	if len(out) > 12 {
		out = append(out[:12], fmt.Sprintf("and %d more", len(out)-12))
	}
	return strings.Join(out, ", ")
}

func (tr *tracer) shown(ch *Channel, raw []float64) string {
	if len(raw) == 0 || math.IsNaN(raw[0]) {
		return "missing"
	}
	for i := range ch.Choices {
		if ch.Choices[i].value(i) == raw[0] {
			return ch.Choices[i].ID
		}
	}
	x := raw[0]*ch.Scale + ch.Offset
	text := strings.TrimSpace(shortNumber(x) + " " + ch.Unit)
	if ch.outside(x) {
		text += " (outside its range)"
	}
	return text
}

func (ch *Channel) outside(x float64) bool {
	return ch.Range != nil && (x < ch.Range[0] || x > ch.Range[1])
}

func (tr *tracer) count(ch *Channel, raw float64) {
	c := tr.stats[ch.ID]
	if c == nil {
		c = &TryChannel{ID: ch.ID, Unit: ch.Unit, Min: math.Inf(1), Max: math.Inf(-1)}
		tr.stats[ch.ID] = c
	}
	if math.IsNaN(raw) {
		c.Missing++
		return
	}
	x := raw*ch.Scale + ch.Offset
	c.N++
	c.Min, c.Max = math.Min(c.Min, x), math.Max(c.Max, x)
	if ch.outside(x) {
		c.Outside++
	}
	for i := range ch.Choices {
		if ch.Choices[i].value(i) == raw && !slices.Contains(c.Seen, ch.Choices[i].ID) {
			c.Seen = append(c.Seen, ch.Choices[i].ID)
		}
	}
}

// known says whether the type file uses a field without a channel.
func (tr *tracer) known(key string) bool {
	t := tr.s.typ()
	if t.Time != nil && t.Time.From == key || t.Count != nil && t.Count.From == key {
		return true
	}
	if _, ok := t.Connect.Banner[key]; ok {
		return true
	}
	replies := []*Reply{}
	for i := range t.Commands {
		replies = append(replies, t.Commands[i].Reply)
	}
	for _, r := range replies {
		if r == nil {
			continue
		}
		if _, ok := r.OK[key]; ok {
			return true
		}
		if _, ok := r.Error[key]; ok {
			return true
		}
	}
	return false
}

func (tr *tracer) note(f *lines.Field) {
	u := tr.unknown[string(f.Key)]
	if u == nil {
		if len(tr.unknown) >= mostUnknown {
			return
		}
		u = &TryField{Name: string(f.Key), Min: math.Inf(1), Max: math.Inf(-1)}
		tr.unknown[u.Name] = u
	}
	u.N++
	switch {
	case f.Kind == lines.NumberArray:
		u.Array = true
		for _, x := range f.Array {
			u.Min, u.Max = math.Min(u.Min, x), math.Max(u.Max, x)
		}
	case f.NumOK && f.Kind != lines.Text:
		u.Min, u.Max = math.Min(u.Min, f.Num), math.Max(u.Max, f.Num)
	case f.Kind == lines.Text:
		u.Text = true
		if w := clip(f.Text); len(u.Words) < 8 && !slices.Contains(u.Words, w) {
			u.Words = append(u.Words, w)
		}
	}
}

func fieldText(f *lines.Field) string {
	if f.Kind == lines.Text {
		return fmt.Sprintf("%q", clip(f.Text))
	}
	return shortNumber(f.Num)
}

func join(what, more string) string {
	if more == "" {
		return what
	}
	return what + ": " + more
}

// report sums up.
func (tr *tracer) report(lost error) *TryReport {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	now := tr.clock.Mono()
	_, counts := tr.s.stream.info(now)
	rep := &TryReport{Type: tr.s.typ().Name, Took: now - tr.opened, Proved: tr.reader.proved, Lost: lost,
		Matched: tr.matched, Misfits: tr.misfits, Missing: counts.Lost, Samples: counts.Samples,
		Rest: append([]byte(nil), tr.span[max(0, len(tr.span)-mostSpan):]...)}
	if st := tr.s.Status(); st.State == edge.StateQuarantined && st.Reason != nil {
		rep.Unsafe = st.Reason
	}
	if !rep.Proved {
		rep.Why = tr.reader.verdict(tr.s.typ())
		tr.s.mu.Lock()
		if tr.s.reason != nil {
			rep.Why = tr.s.reason
		}
		tr.s.mu.Unlock()
	}
	if edge.CodeOf(rep.Why) == edge.CodeNotReady && tr.matched > 0 {
		rep.Why = edge.Errorf(edge.CodeNotReady, "not all of %s came", rep.Type).WithHint("which polls have no answer, which channels never come?")
	}
	if edge.CodeOf(lost) == edge.CodeContract {
		rep.Proved, rep.Why = false, lost
	}
	for i := range tr.reader.in.chans {
		ch := &tr.reader.in.chans[i]
		c := tr.stats[ch.ID]
		if c == nil {
			c = &TryChannel{ID: ch.ID, Unit: ch.Unit}
		}
		c.From, c.Optional = ch.from(), ch.Optional
		rep.Channels = append(rep.Channels, *c)
	}
	for _, name := range sortedKeys(tr.unknown) {
		rep.Unknown = append(rep.Unknown, *tr.unknown[name])
	}
	return rep
}
