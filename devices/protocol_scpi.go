package devices

import (
	"bytes"
	"strings"
	"sync"
	"time"

	"labbox/devices/transport"
	"labbox/edge"
	"labbox/firmware-protocols/lines"
	"labbox/firmware-protocols/scpi"
)

// scpiCodec speaks to instruments (firmware-protocols/scpi): messages made of
// parts, and after each command that is no query the instrument's error queue.
type scpiCodec struct {
	mu   sync.Mutex // of dec: the writer tells it what was sent
	dec  *scpi.Decoder
	o    scpi.Options
	busy *Busy
	read time.Duration
	wait time.Duration // for an answer that gives no time of its own
	rec  lines.Record
}

func newSCPICodec(t *Type) (*scpiCodec, error) {
	dec, err := scpi.New(*t.Protocol.SCPI)
	if err != nil {
		return nil, err
	}
	c := &scpiCodec{dec: dec, o: *t.Protocol.SCPI, busy: t.Busy, read: t.Timing.Read, wait: t.Timing.Reply}
	if c.o.End == "" {
		c.o.End = "\n"
	}
	if c.o.Errors == "" {
		c.o.Errors = scpi.DefaultErrors
	}
	return c, nil
}

func (c *scpiCodec) reset() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.dec.Reset()
}

func (c *scpiCodec) silence() time.Duration { return c.read }

// silent drops a message that was cut off; half a number would be a wrong one.
func (c *scpiCodec) silent(emit func(*lines.Record)) {
	c.mu.Lock()
	got, _ := c.dec.Pending()
	c.dec.Reset()
	c.mu.Unlock()
	if got > 0 {
		c.rec = lines.Record{Kind: lines.Garbage, Why: "cut off", Fields: c.rec.Fields[:0]}
		emit(&c.rec)
	}
}

func (c *scpiCodec) feed(p []byte, _ transport.Kind, emit func(*lines.Record)) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.dec.Feed(p, func(r scpi.Response) {
		c.rec = lines.Record{Kind: lines.Values, Raw: r.Raw, Fields: c.rec.Fields[:0]}
		switch r.Kind {
		case scpi.Broken:
			c.rec.Kind, c.rec.Why = lines.Garbage, "control characters, or a string without an end"
		case scpi.Overlong:
			c.rec.Kind = lines.Overlong
		}
		emit(&c.rec)
	})
	return nil
}

// sort: an instrument says nothing unasked.
func (c *scpiCodec) sort(r *lines.Record) {
	if r.Kind == lines.Values {
		r.Kind, r.Why = lines.Garbage, "nobody asked for this"
	}
}

func (c *scpiCodec) encode(dst []byte, s *Send, r *Reply, args []argument) (*outgoing, error) {
	body, err := s.print(nil, args)
	if err != nil {
		return nil, err
	}
	if bytes.Contains(body, []byte(c.o.End)) {
		return nil, edge.Errorf(edge.CodeBadValue, "the terminator stands within the message")
	}
	out := newPartsOutgoing(c.line(dst, string(body)), transport.Text, r, c.busy, args, nil)
	last := out
	if s.Done > 0 {
		last.next = &outgoing{data: c.line(nil, "*OPC?"), kind: transport.Text, answer: scpiDone{}, within: s.Done}
		last = last.next
	}
	if c.o.Errors == scpi.NoErrors {
		return out, nil
	}
	if r == nil {
		last.next = c.drain(false)
	} else {
		out.why = c.drain(true)
	}
	return out, nil
}

func (c *scpiCodec) line(dst []byte, msg string) []byte {
	return append(append(dst, msg...), c.o.End...)
}

// drain asks for the error queue until it is empty.
func (c *scpiCodec) drain(why bool) *outgoing {
	return &outgoing{data: c.line(nil, c.o.Errors), kind: transport.Text, answer: &scpiErrors{why: why}, within: max(c.wait, 100*time.Millisecond)}
}

// scpiDone awaits the 1 that answers *OPC?.
type scpiDone struct{}

func (scpiDone) answer(r *lines.Record) (verdict, error) {
	if r.Kind == lines.Values && strings.TrimLeft(string(r.Raw), "+") == "1" {
		return obeyed, nil
	}
	return notMine, nil
}

// scpiErrors reads entries of the error queue until its end.
type scpiErrors struct {
	why   bool // the queue is asked why there was no answer
	found []string
	raw   string
}

func (a *scpiErrors) answer(r *lines.Record) (verdict, error) {
	if r.Kind != lines.Values {
		return notMine, nil
	}
	e, err := scpi.ParseError(r.Raw)
	switch {
	case err != nil:
		return notMine, nil //nolint:nilerr // another message
	case e.Code != 0:
		if a.raw == "" {
			a.raw = clip(r.Raw)
		}
		a.found = append(a.found, clip(r.Raw))
		return again, nil
	case len(a.found) == 0:
		return obeyed, nil
	}
	return declined, edge.Errorf(edge.CodeDeviceRefused, "the device answered %s", strings.Join(a.found, "; ")).With("reply", a.raw)
}

func (a *scpiErrors) mismatch(r *lines.Record) string {
	if r.Kind != lines.Values {
		return ""
	}
	return clip(r.Raw) + ", which is no entry of an error queue"
}
