package devices

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"labbox/devices/transport"
	"labbox/edge"
)

// connect runs what a box does until it knows the device, and then the steps of
// connecting.
func (h *rehearsal) connect() {
	h.ahead()
	t := h.s.typ()
	if !h.run("identify", t.Connect.Identify) {
		return
	}
	if d, ok := h.s.codec.(describer); ok && !h.greet(d) {
		return
	}
	h.know()
	h.run("connect", t.Connect.Steps)
	if len(t.Connect.Banner) > 0 && !h.r.booted {
		h.fail("the banner did not come", "say what ends the boot at first: `- {receive: ...}`")
	}
}

// run carries out steps of the type file, the device's lines in between.
func (h *rehearsal) run(what string, steps []Step) bool {
	for i := range steps {
		done := make(chan error, 1)
		go func() { done <- h.s.step(h.l, &steps[i]) }()
		if steps[i].Expect != nil && h.armed() {
			h.ahead()
		}
		if err := <-done; err != nil {
			h.fail(fmt.Sprintf("%s step %d: %s", what, i+1, edge.AsError(err).Message), edge.AsError(err).Hint)
			return false
		}
		h.ahead()
	}
	return true
}

// armed waits until something is expected of the device.
func (h *rehearsal) armed() bool {
	for range 1000 {
		h.l.watch.mu.Lock()
		n := 0
		for _, e := range h.l.watch.list {
			if e.armed && !e.settled {
				n++
			}
		}
		h.l.watch.mu.Unlock()
		if n > 0 {
			return true
		}
		time.Sleep(100 * time.Microsecond)
	}
	return false
}

// longestGreeting is how long a device is waited for that says itself what it is;
// it takes no time.
const longestGreeting = 30 * time.Second

// greet lets a device say what it is.
func (h *rehearsal) greet(d describer) bool {
	for end := h.clock.Mono() + longestGreeting; h.clock.Mono() < end; h.clock.advance(greetEvery) {
		data, done, err := d.greet(h.clock.Mono())
		if err == nil && done {
			err = h.s.adopt(h.r, d)
		}
		switch {
		case err != nil:
			h.fail("device and type file disagree: "+err.Error(), edge.AsError(err).Hint)
			return false
		case done:
			return true
		case len(data) > 0:
			_ = h.l.port.Send(data, transport.Binary)
			h.ahead()
		}
	}
	h.fail("the device has not said what it is", "")
	return false
}

func (h *rehearsal) command(st *TranscriptStep) {
	spec := h.s.typ().command(st.Command)
	if spec == nil {
		h.fail("no command `"+st.Command+"`", "")
		return
	}
	args, err := spec.resolve(stepArgs(st.Args))
	if err != nil {
		h.fail(edge.AsError(err).Message, edge.AsError(err).Hint)
		return
	}
	out, err := h.s.codec.encode(nil, spec.Send, spec.Reply, args)
	if err != nil {
		h.fail(st.Command+" cannot be sent: "+err.Error(), "")
		return
	}
	h.ahead()
	for o := out; o != nil; o = o.next {
		o.within = min(o.within, 10*time.Millisecond)
	}
	x := &exchange{s: h.s, l: h.l, out: out, ctx: h.l.ctx, stop: h.l.ctx.Done(), check: func() error { return nil }}
	err = h.obtain(x, spec, args)
	h.answered(st, err, x.raw)
}

// obtain runs a command's exchange. What its telemetry must show comes by itself,
// or in answers to the polls that the transcript has after it.
func (h *rehearsal) obtain(x *exchange, spec *Command, args []argument) error {
	if len(spec.Shows) > 0 {
		x.shows = newShows(h.s.typ(), spec.Shows, args)
		h.l.watch.add(x.shows)
		defer h.l.watch.remove(x.shows)
	}
	if err := x.run(); err != nil || x.shows == nil {
		return err
	}
	for h.askNext() {
	}
	return x.shows.wait(10*time.Millisecond, x.stop)
}

// askNext asks the poll whose message the transcript has next; false: none.
func (h *rehearsal) askNext() bool {
	h.ahead()
	h.mu.Lock()
	left := h.script[h.next:]
	h.mu.Unlock()
	if len(left) == 0 {
		return false
	}
	for _, p := range h.s.polls() {
		if out, err := p.message(); err == nil && bytes.Equal(out.data, left[0].sends) {
			return h.s.askOne(h.l, &p, &round{id: p.id, first: true, last: true}) == nil
		}
	}
	return false
}

func (h *rehearsal) poll(st *TranscriptStep) {
	var ids []string
	for _, p := range h.s.polls() {
		ids = append(ids, "`"+p.id+"`")
		if p.id != st.Poll {
			continue
		}
		h.ahead()
		err := h.s.askOne(h.l, &p, &round{id: p.id, first: true, last: true})
		if err != nil {
			h.s.unanswered(h.l, &p, err)
		}
		h.answered(st, err, "")
		return
	}
	h.fail("no poll `"+st.Poll+"`", "one of "+strings.Join(ids, ", "))
}

// answered compares the answer with the transcript's.
func (h *rehearsal) answered(st *TranscriptStep, err error, raw string) {
	got, want := "ok", st.Does
	switch edge.CodeOf(err) {
	case "":
	case edge.CodeDeviceRefused:
		got = "refused"
	case edge.CodeNoAnswer, edge.CodeGarbage:
		got = "no_answer"
	default:
		got = string(edge.CodeOf(err))
	}
	if want == "" {
		want = "ok"
	}
	why := ""
	if err != nil {
		why = edge.AsError(err).Message
		if edge.CodeOf(err) == edge.CodeNoAnswer {
			why = "received " + quoteBytes(h.came) + ", which is no answer to it"
			if c := h.s.typ().command(st.Command); c != nil && len(c.Shows) > 0 {
				why += "; what the command `shows` must come in two samples in a row"
			}
		}
		if r, ok := edge.AsError(err).Args["reply"].(string); ok {
			raw = r
		}
	}
	if got != want {
		h.fail(fmt.Sprintf("the answer is %s, not %s", got, want), why)
		return
	}
	if st.Reply != "" && st.Reply != raw {
		h.fail(fmt.Sprintf("the reply is %q, not %q", raw, st.Reply), "")
	}
}

// scriptPort is a rehearsal as a line: what is sent is compared, and answered at
// once.
type scriptPort rehearsal

// Send implements transport.Port.
func (p *scriptPort) Send(b []byte, _ transport.Kind) error {
	h := (*rehearsal)(p)
	h.ahead()
	h.mu.Lock()
	if h.next >= len(h.script) {
		h.mu.Unlock()
		h.fail("sends "+quoteBytes(b)+", which the transcript does not have", "it needs all that is sent: `sends: "+quoteBytes(b)+"` beside the command or the poll, or under `then:`")
		return nil
	}
	d := h.script[h.next]
	h.next++
	h.mu.Unlock()
	if !bytes.Equal(b, d.sends) {
		h.fail(fmt.Sprintf("sends %s, not %s", quoteBytes(b), quoteBytes(d.sends)), firstDifference(b, d.sends))
	}
	h.feed(d)
	h.ahead()
	return nil
}

// Receive implements transport.Port.
func (p *scriptPort) Receive([]byte) (int, transport.Kind, error) {
	<-p.closed
	return 0, transport.Stream, transport.ErrClosed
}

// Drain implements transport.Port.
func (p *scriptPort) Drain(context.Context) error { return nil }

// Pending implements transport.Port.
func (p *scriptPort) Pending() int { return 0 }

// DiscardOutput implements transport.Port.
func (p *scriptPort) DiscardOutput() error { return nil }

// Close implements transport.Port.
func (p *scriptPort) Close() error { return nil }

// nowhere is a port that nobody opens.
type nowhere struct{}

func (nowhere) Open(context.Context) (transport.Port, error) { return nil, transport.ErrClosed }
func (nowhere) String() string                               { return "transcript" }

// stillClock moves when it is told to.
type stillClock struct {
	mu  sync.Mutex
	now time.Duration
}

func (c *stillClock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now += d
}

// Mono implements edge.Clock.
func (c *stillClock) Mono() time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

// Wall implements edge.Clock.
func (c *stillClock) Wall() time.Time { return time.Unix(0, 0).Add(c.Mono()) }

// scratchKV is a store for devices that are only tried: it forgets everything.
type scratchKV struct{ edge.KV }

// Keys implements edge.KV.
func (*scratchKV) Keys(context.Context, string) ([]string, error) { return nil, nil }

// Get implements edge.KV.
func (*scratchKV) Get(context.Context, string) ([]byte, bool, error) { return nil, false, nil }

// Set implements edge.KV.
func (*scratchKV) Set(context.Context, string, []byte, time.Duration) error { return nil }

// Raise implements edge.KV.
func (*scratchKV) Raise(_ context.Context, _ string, n uint64) (uint64, error) { return n, nil }

// Delete implements edge.KV.
func (*scratchKV) Delete(context.Context, ...string) (int, error) { return 0, nil }

// quoteBytes shows bytes as a transcript has them: as text where it is one, else
// in hexadecimal digits.
func quoteBytes(b []byte) string {
	strange := 0
	for _, c := range b {
		if (c < ' ' && c != '\r' && c != '\n' && c != '\t') || c >= 0x7f {
			strange++
		}
	}
	if strange*4 > len(b) {
		return fmt.Sprintf("% X", b)
	}
	return quoteASCII(b)
}

// QuoteBytes shows bytes on one line: as text with escapes, or, where most of them
// are no text, in hexadecimal digits.
func QuoteBytes(b []byte) string { return quoteBytes(b) }

// quoteASCII is b in double quotes, each byte that is not printable ASCII escaped.
func quoteASCII(b []byte) string {
	out := []byte{'"'}
	for _, c := range b {
		switch {
		case c == '"' || c == '\\':
			out = append(out, '\\', c)
		case c == '\n':
			out = append(out, '\\', 'n')
		case c == '\r':
			out = append(out, '\\', 'r')
		case c == '\t':
			out = append(out, '\\', 't')
		case c < ' ' || c >= 0x7f:
			out = append(out, fmt.Sprintf(`\x%02x`, c)...)
		default:
			out = append(out, c)
		}
	}
	return string(append(out, '"'))
}

// firstDifference says where two messages part.
func firstDifference(got, want []byte) string {
	n := 0
	for n < len(got) && n < len(want) && got[n] == want[n] {
		n++
	}
	at := func(b []byte) string {
		if n >= len(b) {
			return "its end"
		}
		return fmt.Sprintf("%s (%02X)", quoteASCII(b[n:n+1]), b[n])
	}
	return fmt.Sprintf("they part at byte %d: %s, not %s", n, at(got), at(want))
}

func quoteAll(words []string) string {
	if len(words) == 0 {
		return "nothing"
	}
	q := make([]string, len(words))
	for i, w := range words {
		q[i] = strconv.Quote(w)
	}
	return strings.Join(q, ", ")
}

func showAll(xs []float64) string {
	if len(xs) == 0 {
		return "nothing"
	}
	var out []string
	for _, x := range xs {
		out = append(out, shortNumber(x))
	}
	return strings.Join(out, ", ")
}

// shortNumber is a number with as many digits as a float32 holds.
func shortNumber(x float64) string { return strconv.FormatFloat(x, 'g', 7, 64) }

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
