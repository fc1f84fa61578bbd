package devices

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"time"

	"labbox/devices/transport"
	"labbox/firmware-protocols/firmata"
	"labbox/firmware-protocols/labwire"
	"labbox/firmware-protocols/lines"
	"labbox/firmware-protocols/modbus"
	"labbox/firmware-protocols/nmea"
)

// Guess is what an unknown device seems to speak, with a type file to begin with.
type Guess struct {
	Protocol string // json, relaxed, plotter, csv, nmea, scpi, firmata, labwire, modbus
	Baud     int    // 0: not a serial line
	Evidence string // what it sent
	Skeleton string // a type file that `labbox check` accepts
}

// GuessBauds are the baud rates that are tried, the usual ones first.
func GuessBauds() []int {
	return []int{115200, 9600, 57600, 38400, 19200, 230400, 4800, 250000, 1000000}
}

// Guesser finds out what a device speaks. It listens first. A device that says
// nothing is asked: *IDN?, Firmata's version, labwire's hello, and a read of
// Modbus holding register 0 of units 1 to 3. Nothing that would move anything is
// sent.
type Guesser struct {
	Open  func(baud int) (transport.Opener, error)
	Bauds []int        // {0}: not a serial line
	Tell  func(string) // progress, for people
}

// Times of a guess.
const (
	guessBoot   = 2500 * time.Millisecond // a board that opening resets
	guessListen = 1200 * time.Millisecond
	guessReply  = 600 * time.Millisecond
)

// Run returns nil where nothing is recognised.
func (g *Guesser) Run(ctx context.Context) (*Guess, error) {
	silent := true
	for i, baud := range g.Bauds {
		if ctx.Err() != nil {
			return nil, nil //nolint:nilnil,nilerr // nothing was found in the time that was given
		}
		op, err := g.Open(baud)
		if err != nil {
			return nil, err
		}
		port, err := op.Open(ctx)
		if err != nil {
			return nil, err
		}
		h := newHearing(port)
		listen := guessListen
		if i == 0 {
			listen = guessBoot
		} else if silent {
			listen = guessListen / 4
		}
		guess := g.one(ctx, h, baud, listen, &silent)
		_ = port.Close()
		<-h.done
		if guess != nil {
			guess.Baud = baud
			return guess, nil
		}
	}
	return nil, nil //nolint:nilnil // nothing was recognised
}

func (g *Guesser) one(ctx context.Context, h *hearing, baud int, listen time.Duration, silent *bool) *Guess {
	rate := "the line"
	if baud > 0 {
		rate = fmt.Sprintf("%d baud", baud)
	}
	heard := h.listen(ctx, listen, enoughLines)
	if guess := GuessBytes(heard, baud); guess != nil {
		if guess.Protocol == "plotter" && h.port.Send(labwire.AppendHello(nil), transport.Binary) == nil { // it prints so for people
			if self := guessLabwire(h.listen(ctx, guessReply, func(b []byte) bool { return guessLabwire(b, baud) != nil }), baud); self != nil {
				guess = self
			}
		}
		g.Tell(rate + ": it speaks " + guess.Protocol)
		return guess
	}
	if len(heard) > 0 {
		*silent = false
		g.Tell(fmt.Sprintf("%s: %d bytes of no known kind: %s", rate, len(heard), quoteBytes(heard[:min(32, len(heard))])))
		if !mostlyText(heard) {
			return nil // at another rate it may be
		}
	}
	for _, q := range questionsFor(baud) {
		if h.port.Send(q.data, transport.Binary) != nil || ctx.Err() != nil {
			return nil
		}
		answer := h.listen(ctx, guessReply, q.enough)
		if guess := q.judge(answer, baud); guess != nil {
			g.Tell(rate + ": it answers " + q.name)
			return guess
		}
		if len(answer) > 0 {
			*silent = false
		}
	}
	if guess := guessText(heard, baud); guess != nil && mostlyText(heard) {
		g.Tell(rate + ": it prints a text of its own")
		return guess
	}
	g.Tell(rate + ": no answer that is known")
	return nil
}

// question is one way of asking what a device is.
type question struct {
	name   string
	data   []byte
	enough func([]byte) bool
	judge  func(answer []byte, baud int) *Guess
}

func questionsFor(baud int) []question {
	out := []question{
		{"*IDN?", []byte("*IDN?\n"), func(b []byte) bool { return bytes.IndexByte(b, '\n') >= 0 }, guessSCPI},
		{"Firmata", firmata.AppendFirmwareRequest(firmata.AppendVersionRequest(nil)), func(b []byte) bool { return len(b) > 64 }, guessFirmata},
		{"labwire", labwire.AppendHello(nil), func(b []byte) bool { return guessLabwire(b, 0) != nil }, guessLabwire},
	}
	mode := modbus.RTU
	if baud == 0 {
		mode = modbus.TCP
	}
	for unit := uint8(1); unit <= 3; unit++ {
		req, err := modbus.NewRead(unit, modbus.ReadHoldingRegisters, 0, 1)
		if err != nil {
			continue
		}
		data, err := req.Append(nil, mode)
		if err != nil {
			continue
		}
		out = append(out, question{fmt.Sprintf("Modbus, unit %d", unit), data, func([]byte) bool { return false },
			func(b []byte, _ int) *Guess { return guessModbus(b, req, mode) }})
	}
	return out
}

// hearing collects what a port receives.
type hearing struct {
	port transport.Port
	got  chan []byte
	done chan struct{}
}

func newHearing(port transport.Port) *hearing {
	h := &hearing{port: port, got: make(chan []byte, 64), done: make(chan struct{})}
	go func() {
		defer close(h.done)
		buf := make([]byte, 4096)
		for {
			n, _, err := port.Receive(buf)
			if err != nil {
				return
			}
			select {
			case h.got <- bytes.Clone(buf[:n]):
			default: // a flood: what was heard is enough
			}
		}
	}()
	return h
}

// mostHeard bounds what is kept of a flood.
const mostHeard = 256 << 10

// listen collects for d, or until there is enough.
func (h *hearing) listen(ctx context.Context, d time.Duration, enough func([]byte) bool) (out []byte) {
	end := time.NewTimer(d)
	defer end.Stop()
	for len(out) < mostHeard {
		select {
		case b := <-h.got:
			if out = append(out, b...); enough(out) {
				return out
			}
		case <-end.C:
			return out
		case <-ctx.Done():
			return out
		}
	}
	return out
}

// enoughLines are some to tell from.
func enoughLines(b []byte) bool { return bytes.Count(b, []byte("\n")) >= 40 }

// mostlyText says whether bytes may be text: most of them are ASCII.
func mostlyText(b []byte) bool {
	n := 0
	for _, c := range b {
		if c >= ' ' && c < 0x7f || c == '\n' || c == '\r' || c == '\t' {
			n++
		}
	}
	return n*10 >= len(b)*9
}

// GuessBytes says what bytes that came by themselves are; nil: nothing known.
func GuessBytes(b []byte, baud int) *Guess {
	if g := guessFirmata(b, baud); g != nil { // it says so when it boots
		return g
	}
	if !mostlyText(b) {
		return nil
	}
	if g := guessNMEA(b, baud); g != nil {
		return g
	}
	for _, format := range []lines.Format{lines.JSON, lines.Relaxed, lines.CSV, lines.Plotter} {
		if g := guessLines(b, baud, format); g != nil {
			return g
		}
	}
	return nil
}

func guessNMEA(b []byte, baud int) *Guess {
	dec, err := nmea.New(nmea.Options{})
	if err != nil {
		return nil
	}
	example := ""
	have := newSketch("nmea", baud)
	dec.Feed(b, func(s *nmea.Sentence) {
		if s.Bad != nmea.Good {
			return
		}
		if example == "" {
			example = clip(s.Raw)
		}
		nmea.Values(s, func(name string, x float64, text []byte, isText bool) {
			f := lines.Field{Key: []byte(name), Kind: lines.Number, NumOK: !isText, Num: x, Text: text}
			if isText {
				f.Kind = lines.Text
			}
			have.add(&f)
		})
	})
	if st := dec.Stats(); st.Sentences < 1 || st.Wrong+st.Malformed > st.Sentences {
		return nil
	}
	return have.guess("nmea: {}", example)
}

func guessLines(b []byte, baud int, format lines.Format) *Guess {
	dec, err := lines.New(lines.Options{Format: format, MaxLine: 4096, SkipFirst: bytes.Count(b, []byte("\n")) > 2})
	if err != nil {
		return nil
	}
	have := newSketch(format.String(), baud)
	good, bad, numbers, example := 0, 0, 0, ""
	dec.Feed(b, func(r *lines.Record) {
		switch {
		case r.Kind == lines.Values && len(r.Fields) > 0:
			good++
			n := 0
			for i := range r.Fields {
				if r.Fields[i].Kind != lines.Text || r.Fields[i].NumOK {
					n++
				}
				have.add(&r.Fields[i])
			}
			if numbers += n; n > 0 {
				example = clip(r.Raw)
			}
		case r.Kind == lines.Labels:
			good++
		case r.Kind == lines.Garbage || r.Kind == lines.Overlong:
			bad++
		}
	})
	if good < 2 || numbers < good/2 || bad > good/2 {
		return nil
	}
	have.lines = good
	return have.guess("lines: {format: "+format.String()+"}", example)
}

func guessSCPI(b []byte, baud int) *Guess {
	line, _, ok := bytes.Cut(b, []byte("\n"))
	if !ok || !mostlyText(b) || bytes.Count(line, []byte(",")) < 2 || bytes.ContainsAny(line, "{}:") && bytes.HasPrefix(line, []byte("{")) {
		return nil
	}
	id := clip(line)
	parts := strings.SplitN(id, ",", 3)
	return &Guess{Protocol: "scpi", Evidence: id, Skeleton: skeletonSCPI(baud, parts[0]+","+parts[1]+",")}
}

func guessFirmata(b []byte, baud int) *Guess {
	dec, good, name := firmata.NewDecoder(firmata.FromBoard), false, ""
	dec.Feed(b, func(m *firmata.Message) {
		if m.Kind == firmata.FirmwareReport {
			good, name = true, clip(m.Text)
		}
	})
	if !good {
		return nil
	}
	return &Guess{Protocol: "firmata", Evidence: name, Skeleton: skeletonSelf("firmata: {sampling: 20ms}", baud, "rate: 50\nconnect: {reset_on_open: true, boot: 4s, identify_within: 4s}\nstale_after: 3s\n")}
}

func guessLabwire(b []byte, baud int) *Guess {
	dec, good := labwire.NewDecoder(), false
	dec.Feed(b, func(m *labwire.Message) { good = good || m.Kind == labwire.KindHello })
	if !good {
		return nil
	}
	return &Guess{Protocol: "labwire", Evidence: "hello", Skeleton: skeletonSelf("labwire: {}", baud, "connect: {reset_on_open: true, boot: 2500ms}\n")}
}

func guessModbus(b []byte, req modbus.Request, mode modbus.Mode) *Guess {
	dec, found := modbus.NewDecoder(modbus.Options{Mode: mode}), ""
	if dec.Begin(req) != nil {
		return nil
	}
	dec.Feed(b, func(r modbus.Reply) {
		if modbus.Match(req, r) == nil {
			found = fmt.Sprintf("unit %d answers", req.Unit)
			if r.Exception != 0 {
				found += fmt.Sprintf(" with exception %d: %s", r.Exception, r.Exception.Name())
			}
		}
	})
	if found == "" {
		return nil
	}
	return &Guess{Protocol: "modbus", Evidence: found, Skeleton: skeletonModbus(mode, int(req.Unit))}
}

// Unknown is the type of a device that nobody knows, for OpenPort: a board that
// opening resets, at 115200 baud unless the port says otherwise.
func Unknown() *Type {
	return &Type{Name: "device", Serial: Serial{Baud: 115200}, Connect: Connect{Reset: true},
		Protocol: Protocol{Lines: &LinesProtocol{Format: "json", MaxLine: 1024, SendTerminator: "\n"}}}
}
