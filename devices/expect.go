package devices

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"sync"
	"time"

	"labbox/edge"
	"labbox/firmware-protocols/lines"
)

// expectation waits for one thing that tells that a message was obeyed: the
// device's own answer, or the telemetry.
type expectation struct {
	reply answerer
	round *round // of a poll
	shows []Show
	args  []argument
	t     *Type

	armed    bool          // the bytes are on their way; what came before does not count
	after    time.Duration // telemetry that came before this is older than the message
	good     int           // samples in a row that satisfy shows
	raw      string        // the answer, for people
	mismatch string        // what came instead of it, and why it is none
	before   string        // mismatch, before the latest record
	goesOn   bool          // the latest record is an answer; more values will come
	spare    bool          // the first refusal may be meant for something else
	spared   error         // it
	settled  bool
	outcome  error      // once it is settled
	done     chan error // buffered; nil: confirmed
}

// shownInARow is how many samples in a row must show a condition: one may have
// been under way while the device still thought otherwise.
const shownInARow = 2

// inFlight is how old telemetry may be when it arrives: a USB adapter holds it
// for 16 ms, a device may put 20 ms of it into one record.
const inFlight = 40 * time.Millisecond

// newAnswer waits for a record that a says is the answer; in is a poll's place.
func newAnswer(a answerer, in *round) *expectation {
	return &expectation{reply: a, round: in, done: make(chan error, 1)}
}

// newShows waits for telemetry.
func newShows(t *Type, shows []Show, args []argument) *expectation {
	return &expectation{t: t, shows: shows, args: args, done: make(chan error, 1)}
}

func (e *expectation) settle(err error) {
	if !e.settled {
		e.settled, e.outcome = true, err
		e.done <- err
	}
}

// mismatcher says of a record that is no answer why it is none: "" where it was
// not meant as one.
type mismatcher interface{ mismatch(r *lines.Record) string }

// record looks at one record, and says whether it was the awaited answer.
func (e *expectation) record(r *lines.Record) bool {
	if !e.armed || e.settled || e.reply == nil {
		return false
	}
	e.before = e.mismatch
	v, err := e.reply.answer(r)
	if v == notMine {
		if m, ok := e.reply.(mismatcher); ok {
			if why := m.mismatch(r); why != "" {
				e.mismatch = why
			}
		}
		return false
	}
	e.raw = clip(r.Raw)
	if g, ok := e.reply.(interface{ goesOn() bool }); ok {
		e.goesOn = g.goesOn()
	}
	if v == declined && e.spare {
		e.spare, e.spared = false, err
		return true
	}
	if v == partly {
		return true
	}
	switch v {
	case again, busy:
		retry := &retryError{}
		if b, ok := e.reply.(interface{ pause() time.Duration }); ok && v == busy {
			retry.wait = b.pause()
		}
		err = retry
	case obeyed:
		err = nil
	}
	e.settle(err)
	return true
}

// reading gives a channel's newest shown value and when it came, NaN where there
// is none.
type reading func(channel string) (x float64, at time.Duration)

// sample looks at the newest shown values. Those of before the message prove
// nothing: a device may also have stopped to report them.
func (e *expectation) sample(shown reading) {
	if !e.armed || e.settled || len(e.shows) == 0 {
		return
	}
	for i := range e.shows {
		x, at := shown(e.shows[i].Channel)
		if at < e.after || !e.shows[i].holds(e.t, x, e.args) {
			e.good = 0
			return
		}
	}
	if e.good++; e.good >= shownInARow {
		e.settle(nil)
	}
}

func (s *Show) holds(t *Type, x float64, args []argument) bool {
	if math.IsNaN(x) {
		return false
	}
	if s.Range != nil {
		return x >= s.Range[0] && x <= s.Range[1]
	}
	for _, w := range s.OneOf {
		if s.equals(t, x, w, args) {
			return true
		}
	}
	return len(s.OneOf) == 0 && s.equals(t, x, s.Equals, args)
}

// equals says whether x is the number, the choice or the argument that w names.
func (s *Show) equals(t *Type, x float64, w any, args []argument) bool {
	want, ok := number(w)
	if w, isText := w.(string); isText {
		if a, found := findArg(args, strings.TrimPrefix(w, "$")); found && strings.HasPrefix(w, "$") {
			want, ok = a.num, true
		} else if ch := t.channel(s.Channel); ch != nil {
			for i := range ch.Choices {
				if ch.Choices[i].ID == w {
					want, ok = ch.Choices[i].value(i), true
				}
			}
		}
	}
	tol := math.Max(s.Tolerance, 1e-6*math.Max(1, math.Abs(want)))
	return ok && math.Abs(x-want) <= tol
}

// matchFields says whether a record has every field with its value.
func matchFields(r *lines.Record, want Fields, args []argument) bool {
	for key, v := range want {
		f, ok := r.Get(key)
		if !ok || !matchValue(&f, v, args) {
			return false
		}
	}
	return len(want) > 0
}

func matchValue(f *lines.Field, want any, args []argument) bool {
	if s, ok := want.(string); ok {
		if s == "*" {
			return true
		}
		if id, isParam := strings.CutPrefix(s, "$"); isParam {
			a, found := findArg(args, id)
			if !found {
				return false
			}
			x, text, isText := a.wire()
			if isText && f.Kind == lines.Text {
				return string(f.Text) == text || sameNumber(string(f.Text), text)
			}
			if isText {
				return f.NumOK && sameNumber(fmt.Sprint(f.Num), text)
			}
			return f.NumOK && math.Abs(f.Num-x) <= 1e-4*math.Max(1, math.Abs(x))
		}
		return f.Kind == lines.Text && string(f.Text) == s
	}
	x, ok := number(want)
	return ok && f.NumOK && f.Num == x
}

func sameNumber(a, b string) bool {
	x, err1 := strconv.ParseFloat(a, 64)
	y, err2 := strconv.ParseFloat(b, 64)
	return err1 == nil && err2 == nil && x == y
}

// clip is a device's text for logs and people: valid, short, on one line.
func clip(b []byte) string {
	if len(b) > 120 {
		b = b[:120]
	}
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r == '\u200b' || r == 0xfffd {
			return -1
		}
		return r
	}, strings.ToValidUTF8(string(b), ""))
}

// watchers are the expectations of one connection. Safe for concurrent use.
type watchers struct {
	mu   sync.Mutex
	list []*expectation
}

func (w *watchers) add(e *expectation) {
	w.mu.Lock()
	w.list = append(w.list, e)
	w.mu.Unlock()
}

func (w *watchers) remove(e *expectation) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for i, x := range w.list {
		if x == e {
			w.list = append(w.list[:i], w.list[i+1:]...)
			return
		}
	}
}

// arm starts e: its message has left, or will have at sent.
func (w *watchers) arm(e *expectation, sent time.Duration) {
	w.mu.Lock()
	e.armed, e.after = true, sent+inFlight
	w.mu.Unlock()
}

// record offers a record to the oldest expectation that wants it, and returns
// that, or nil.
func (w *watchers) record(r *lines.Record) *expectation {
	w.mu.Lock()
	defer w.mu.Unlock()
	for i, e := range w.list {
		if e.record(r) {
			for _, o := range w.list[:i] { // it was no wrong answer to them
				o.mismatch = o.before
			}
			return e
		}
	}
	return nil
}

func (w *watchers) sample(shown reading) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, e := range w.list {
		e.sample(shown)
	}
}

// peek reads what the reader noted in e.
func (w *watchers) peek(e *expectation) (raw, mismatch string, spared error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return e.raw, e.mismatch, e.spared
}

// fail settles everything that waits.
func (w *watchers) fail(err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, e := range w.list {
		e.settle(err)
	}
}

// wait returns the outcome, CodeNoAnswer after limit, or done's error.
func (e *expectation) wait(limit time.Duration, stop <-chan struct{}) error {
	t := time.NewTimer(limit)
	defer t.Stop()
	select {
	case err := <-e.done:
		return err
	case <-t.C:
		select {
		case err := <-e.done: // at the last moment
			return err
		default:
		}
		return edge.Errorf(edge.CodeNoAnswer, "the device did not answer within %v", limit).
			With("within_ms", limit.Milliseconds())
	case <-stop:
		return errInterrupted
	}
}
