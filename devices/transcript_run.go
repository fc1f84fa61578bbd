package devices

import (
	"context"
	"fmt"
	"log/slog"
	"math"
	"strings"
	"sync"
	"time"

	"labbox/devices/transport"
	"labbox/edge"
	"labbox/edge/frame"
	"labbox/firmware-protocols/lines"
)

// rehearsal is a supervisor whose device is a transcript: the codec, the reader,
// the exchanges and the stream are the box's own, the line is what was written
// down, and time stands still until something is said.
type rehearsal struct {
	s      *Supervisor
	r      *reader
	l      *link
	sink   *heardSink
	clock  *stillClock
	floats bool
	fail   func(problem, hint string)

	mu     sync.Mutex // of what follows: the writer takes from it as well
	script []said
	next   int
	drift  error  // what came contradicts the type file
	came   []byte // in this step
	closed chan struct{}
}

// rehearse runs a transcript and tells each step that went otherwise.
func (t *Type) rehearse(tr *Transcript, fail func(step int, problem, hint string)) error {
	h, err := newRehearsal(t.hastened())
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancelCause(context.Background())
	h.l.ctx, h.l.cancel = ctx, cancel
	var writing sync.WaitGroup
	writing.Go(func() { h.l.w.run(ctx) })
	defer writing.Wait()
	defer cancel(context.Canceled)
	for i := range tr.Steps {
		h.fail = func(problem, hint string) { fail(i, fmt.Sprintf("step %d: %s", i+1, problem), hint) }
		h.step(&tr.Steps[i], i)
	}
	return nil
}

func newRehearsal(t *Type) (*rehearsal, error) {
	log := slog.New(slog.DiscardHandler)
	ledger, err := NewLedger(context.Background(), "check", &scratchKV{}, nil, log)
	if err != nil {
		return nil, err
	}
	h := &rehearsal{sink: &heardSink{}, clock: &stillClock{now: time.Hour}, floats: t.Protocol.Floats != nil, closed: make(chan struct{})}
	h.s, err = New(Config{Box: "check", ID: "device", Type: t, Opener: nowhere{}, Clock: h.clock, Ledger: ledger, Sinks: []edge.Sink{h.sink}, Logger: log})
	if err != nil {
		return nil, err
	}
	h.l = &link{port: (*scriptPort)(h), watch: &watchers{}}
	h.l.w = newWriter(h.l.port, h.clock, 0, h.l.watch, func() {})
	h.s.codec.reset()
	h.r = newReader(h.s, h.l)
	h.r.heard = true // a transcript begins where a message does
	h.s.state = edge.StateLive
	_, err = h.s.keeper.Grant(h.clock.Mono(), edge.Actor{Seat: "transcript"}, 1) // it is told as if somebody drove
	if err != nil {
		return nil, err
	}
	h.s.stream.restart(1, h.s.contract, t.Time != nil)
	return h, nil
}

// hastened is the type without its waits: what a transcript does not say will not
// come.
func (t *Type) hastened() *Type {
	const soon = time.Millisecond
	n := *t
	n.Connect.Reset = true // a transcript begins where a message does
	n.Timing.Pause, n.Timing.Reply = 0, soon
	reply := func(r *Reply) *Reply {
		if r == nil {
			return nil
		}
		c := *r
		c.Within = soon
		c.Then = append([]Turn(nil), r.Then...)
		for i := range c.Then {
			if next := c.Then[i].Reply; next != nil {
				n := *next
				n.Within = soon
				c.Then[i].Reply = &n
			}
		}
		return &c
	}
	steps := func(in []Step) []Step {
		out := append([]Step(nil), in...)
		for i := range out {
			out[i].Reply = reply(out[i].Reply)
			out[i].Wait = min(out[i].Wait, soon)
		}
		return out
	}
	n.Connect.Identify, n.Connect.Steps = steps(t.Connect.Identify), steps(t.Connect.Steps)
	n.On.Mismatch, n.On.Timeout = steps(t.On.Mismatch), steps(t.On.Timeout)
	n.Commands = append([]Command(nil), t.Commands...)
	for i := range n.Commands {
		n.Commands[i].Reply, n.Commands[i].Within = reply(n.Commands[i].Reply), soon
	}
	n.Polls = append([]Poll(nil), t.Polls...)
	for i := range n.Polls {
		n.Polls[i].Reply = reply(n.Polls[i].Reply)
	}
	if t.Busy != nil {
		b := *t.Busy
		b.Wait = soon
		n.Busy = &b
	}
	return &n
}

func (h *rehearsal) step(st *TranscriptStep, place int) {
	h.script, h.next, h.drift, h.came = h.script[:0], 0, nil, nil
	for _, d := range st.dialogue() {
		b, _, _ := d.bytes() // judged by the checker
		h.script = append(h.script, b)
	}
	h.sink.clear()
	h.s.mu.Lock()
	h.s.odd = oddity{}
	h.s.mu.Unlock()
	h.clock.advance(time.Hour) // no limit of the log's holds
	_, before := h.s.stream.info(h.clock.Mono())
	if st.Connect == nil && place == 0 {
		h.know()
	}
	switch {
	case st.Connect != nil:
		h.connect()
	case st.Command != "":
		h.command(st)
	case st.Poll != "":
		h.poll(st)
	}
	h.listen()
	h.rest()
	switch refused := st.Command == "" && st.Poll == "" && st.Does == "refused"; {
	case h.drift != nil && !refused:
		h.fail("device and type file disagree: "+h.drift.Error(), edge.AsError(h.drift).Hint)
	case h.drift == nil && refused:
		h.fail("the device is not refused", "")
	}
	h.s.stream.flush()
	_, after := h.s.stream.info(h.clock.Mono())
	if lost := int(after.Lost - before.Lost); lost != st.Loses { //nolint:gosec // small
		h.fail(fmt.Sprintf("it loses %d, not %d", lost, st.Loses), h.heard("what was not understood: "))
	}
	for _, id := range sortedKeys(st.Shows) {
		h.shown(id, st.Shows[id])
	}
	if st.Says != "" && !h.sink.said(st.Says) {
		h.fail(fmt.Sprintf("the device does not say %q", st.Says), "it says "+quoteAll(h.sink.words))
	}
}

// know makes the device one that is recognised.
func (h *rehearsal) know() {
	if !h.r.proved {
		h.r.prove1()
	}
}

// listen feeds what the device says by itself, until a message would have to be
// sent first.
func (h *rehearsal) listen() {
	for {
		h.mu.Lock()
		if h.next >= len(h.script) {
			h.mu.Unlock()
			return
		}
		d := h.script[h.next]
		h.next++
		h.mu.Unlock()
		if len(d.sends) > 0 {
			h.fail("nothing is sent, where the transcript has "+quoteBytes(d.sends), "")
		}
		h.feed(d)
	}
}

// ahead feeds what comes before the next message that is sent.
func (h *rehearsal) ahead() {
	for {
		h.mu.Lock()
		if h.next >= len(h.script) || len(h.script[h.next].sends) > 0 {
			h.mu.Unlock()
			return
		}
		d := h.script[h.next]
		h.next++
		h.mu.Unlock()
		h.feed(d)
	}
}

// feed gives the device's bytes to the reader, later than anything before them.
func (h *rehearsal) feed(d said) {
	h.came = append(h.came, d.receive...)
	h.clock.advance(inFlight + time.Millisecond)
	now := h.clock.Mono()
	kind := transport.Stream
	switch {
	case h.floats && d.binary:
		kind = transport.Binary
	case h.floats:
		kind = transport.Text
	}
	h.r.feeding.Lock()
	defer h.r.feeding.Unlock()
	if len(d.receive) > 0 {
		if err := h.s.codec.feed(d.receive, kind, func(rec *lines.Record) { h.r.record(rec, now) }); err != nil {
			h.drift = err
		}
	}
	if c, ok := h.s.codec.(silencer); ok && d.silence {
		c.silent(func(rec *lines.Record) { h.r.record(rec, now) })
	}
}

// rest waits until the line is free again.
func (h *rehearsal) rest() {
	<-h.s.line
	h.s.line <- struct{}{}
}

// heard is what came that was not understood, as a hint.
func (h *rehearsal) heard(intro string) string {
	h.s.mu.Lock()
	defer h.s.mu.Unlock()
	if h.s.odd.text == "" || h.s.odd.code == edge.CodeNoAnswer {
		return ""
	}
	return intro + h.s.odd.text
}

// shown compares a channel's values of this step.
func (h *rehearsal) shown(id string, want any) {
	got := h.sink.values(id)
	var wants []any
	switch w := want.(type) {
	case []any:
		wants = w
		if len(got) != len(w) {
			h.fail(fmt.Sprintf("%s shows %d values, not %d", id, len(got), len(w)), "it shows "+showAll(got))
			return
		}
	case nil:
		if len(got) > 0 {
			h.fail(fmt.Sprintf("%s shows %s, where none is expected", id, showAll(got)), "")
		}
		return
	default:
		wants = []any{w}
		if len(got) == 0 {
			h.fail(id+" shows nothing", h.heard("what was not understood: "))
			return
		}
		got = got[len(got)-1:]
	}
	for i, w := range wants {
		x, tolerance, ok := h.expected(id, w)
		if !ok {
			h.fail(fmt.Sprintf("%s: %v is neither a number nor one of its choices", id, w), "")
			return
		}
		if !(math.Abs(got[i]-x) <= tolerance) {
			hint := ""
			if tolerance > 1e-5*math.Abs(x) {
				hint = fmt.Sprintf("to within %.3g, half of its resolution", tolerance)
			}
			h.fail(fmt.Sprintf("%s shows %s, not %v", id, h.word(id, got[i]), w), hint)
		}
	}
}

// expected is a value as a transcript has it, and how far off it may be: half of
// what the channel resolves.
func (h *rehearsal) expected(id string, want any) (x, tolerance float64, ok bool) {
	ch := h.s.typ().channel(id)
	if w, isText := want.(string); isText {
		if ch != nil {
			for i := range ch.Choices {
				if ch.Choices[i].ID == w {
					return ch.Choices[i].value(i), 0, true
				}
			}
		}
		return 0, 0, false
	}
	x, ok = number(want)
	tolerance = 1e-6 * math.Max(1, math.Abs(x))
	if ch != nil && ch.Resolution > 0 {
		tolerance += ch.Resolution / 2
	} else if ch != nil && ch.Decimals != nil {
		tolerance += math.Pow10(-*ch.Decimals) / 2
	}
	return x, tolerance, ok
}

// word is a value as people see it.
func (h *rehearsal) word(id string, x float64) string {
	if ch := h.s.typ().channel(id); ch != nil {
		for i := range ch.Choices {
			if ch.Choices[i].value(i) == x {
				return ch.Choices[i].ID
			}
		}
	}
	return shortNumber(x)
}

// heardSink keeps what a step brought.
type heardSink struct {
	mu       sync.Mutex
	contract *edge.Contract
	got      map[string][]float64
	words    []string
}

func (k *heardSink) clear() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.got, k.words = map[string][]float64{}, nil
}

// Stream implements edge.Sink.
func (k *heardSink) Stream(_ string, _ uint32, c *edge.Contract) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.contract = c
}

// Frame implements edge.Sink.
func (k *heardSink) Frame(_ string, b []byte) {
	v, _, err := frame.Parse(b)
	if err != nil {
		return
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	for c := range k.contract.Channels {
		ch := &k.contract.Channels[c]
		for i := range v.Header().Samples {
			if x := v.Value(c, i); !math.IsNaN(x) {
				k.got[ch.ID] = append(k.got[ch.ID], x*ch.Scale+ch.Offset)
			}
		}
	}
}

// Event implements edge.Sink.
func (k *heardSink) Event(_ string, e *edge.Event) {
	if e.Code != "text" {
		return
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.words = append(k.words, fmt.Sprint(e.Args["text"]))
}

func (k *heardSink) values(id string) []float64 {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.got[id]
}

func (k *heardSink) said(text string) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, w := range k.words {
		if strings.TrimSpace(w) == strings.TrimSpace(text) {
			return true
		}
	}
	return false
}
