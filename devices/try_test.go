package devices

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"labbox/devices/capture"
	"labbox/devices/transport"
	"labbox/devices/transport/mem"
)

var updateTry = flag.Bool("update-try", false, "rewrite testdata/try")

// tried runs a trial for d in fake time and returns what it showed.
func tried(t *testing.T, tr Trial, d time.Duration) (shown string, rep *TryReport) {
	t.Helper()
	var b strings.Builder
	tr.Line = func(l TryLine) {
		if tr.Note != nil {
			return // the catalogue's devices talk too much
		}
		fmt.Fprintf(&b, "%c %s %s\n", l.Dir, quoteBytes(l.Bytes), l.Text)
	}
	ctx, cancel := context.WithTimeout(context.Background(), d)
	defer cancel()
	rep, err := tr.Run(ctx)
	if err != nil {
		t.Fatal(err)
	}
	var sum strings.Builder
	if _, err := rep.WriteTo(&sum); err != nil {
		t.Fatal(err)
	}
	time.Sleep(time.Second) // the far end sees the line close once it is empty
	return b.String() + sum.String(), rep
}

func tryType(t *testing.T, text string) *Type {
	t.Helper()
	typ, ps := ParseType("t.yaml", []byte(text))
	if err := ps.Err(); err != nil {
		t.Fatal(err)
	}
	return typ
}

// Every type of the catalogue looks like itself when it is simulated, and nothing
// that it sends is left over. Without leave no command and no safe sequence goes
// out.
func TestTryTheCatalogue(t *testing.T) {
	for _, name := range catalogNames(t) {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				typ := catalogType(t, name)
				opener, err := SimOpener(typ, "sim", 1)
				if err != nil {
					t.Fatal(err)
				}
				var sent bytes.Buffer
				tr := Trial{Type: typ, Opener: opener, Note: func(c capture.Chunk) {
					if c.Sent {
						sent.Write(c.Data)
					}
				}}
				shown, rep := tried(t, tr, typ.Connect.Boot+2*time.Second)
				if !rep.Proved || rep.Samples == 0 || rep.Misfits > 0 || rep.Missing > 0 {
					t.Errorf("%+v\n%.2000s", rep, shown)
				}
				if typ.Safe != nil && len(typ.Polls)+len(typ.Connect.Identify) == 0 && typ.Protocol.Lines != nil && sent.Len() > 0 {
					t.Errorf("sends %q", sent.Bytes())
				}
			})
		})
	}
}

// What a live device shows and what is wrong with a file, message by message.
func TestTryGoldens(t *testing.T) {
	good := func(req string) string {
		switch req {
		case "ID":
			return "BATH 5\r\n"
		case "T":
			return "!ALARM 3\r\nT=21.5 C\r\n"
		case "P":
			return "P=40,+\r\n"
		}
		return "ERR 1\r\n"
	}
	errs := 0
	for _, tt := range []struct {
		name, typ string
		reply     func(req string) string
		first     string
		commands  bool
		took      time.Duration
	}{
		{name: "good", typ: bath, reply: good},
		{name: "commands", typ: bath, commands: true, reply: func(req string) string {
			if req == "H-" {
				return "OK\r\n"
			}
			return strings.ReplaceAll(good(req), "40,+", "0,-")
		}},
		{name: "unit", typ: bath, reply: func(req string) string { return strings.ReplaceAll(good(req), " C", " F") }},
		{name: "stranger", typ: bath, reply: func(string) string { return "HELLO\r\n" }},
		{name: "deaf", typ: bath, reply: func(string) string { return "" }},
		{name: "terminator", typ: bath, reply: func(req string) string { return strings.ReplaceAll(good(req), "\r\n", "\n") }},
		{name: "scpi", typ: psu, took: time.Second, reply: func(req string) string {
			if req == "SYST:ERR?" {
				if errs++; errs%2 == 0 {
					return "0,\"No error\"\n"
				}
			}
			return map[string]string{"*IDN?": "labbox,simulated psu,0,1\n", "MEAS:VOLT?;CURR?": "12.5;0.25\n", "SYST:ERR?": "-113,\"Undefined header\"\n"}[req]
		}},
		{name: "keys", typ: strings.Replace(meter, "from: volts", "from: vlts", 1), first: "{\"volts\":1.5,\"foo\":7,\"mode\":\"run\",\"n\":1}\r\nwarming up\r\n{\"volts\":1.6,\"foo\":9,\"mode\":\"off\"}\r\n{\"vol\r\n"},
		{name: "modbus", typ: controller, reply: func(string) string { return "" }},
		{name: "range", typ: meter, first: "{\"volts\":1.5}\r\n{\"volts\":7}\r\n{\"volts\":null}\r\n{\"volts\":2}\r\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := &instrument{reply: tt.reply}
				if tt.name == "scpi" {
					d.end = "\n"
				}
				opener := mem.NewOpener(mem.Options{Name: "line"}, func(p *mem.Port) {
					go func() {
						if tt.first != "" {
							_ = p.Send([]byte(tt.first), transport.Stream)
						}
						d.run(p)
					}()
				})
				shown, _ := tried(t, Trial{Type: tryType(t, tt.typ), Opener: opener, Commands: tt.commands}, max(tt.took, 250*time.Millisecond))
				golden(t, filepath.Join("testdata", "try", tt.name+".txt"), shown)
			})
		})
	}
}

const meter = `schema: 1
type: meter
label: {en: Meter}
protocol: {lines: {format: json}}
channels:
  - {id: volts, from: volts, label: {en: Voltage}, unit: V, range: [0, 5]}
`

func golden(t *testing.T, file, got string) {
	t.Helper()
	if *updateTry {
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if steady(file, got) != steady(file, string(want)) {
		t.Errorf("%s: got\n%s", file, got)
	}
}

// steady is what a trial shows without what depends on which of two goroutines
// comes first: the order of lines, how often each comes, and, where the end of the
// trial meets a safe sequence, how far that came.
func steady(file, s string) string {
	lines := strings.Split(s, "\n")
	if strings.HasSuffix(file, "commands.txt") {
		lines = slices.DeleteFunc(lines, func(l string) bool {
			return strings.Contains(l, "not understood") || strings.Contains(l, " values, ")
		})
	}
	slices.Sort(lines)
	return strings.Join(slices.Compact(lines), "\n")
}

// A device that fits its file and cannot be made safe is not praised.
func TestTryADeviceThatCannotBeMadeSafe(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &water{temp: "21.5", power: "0", heater: "+"}
		d := &instrument{reply: func(req string) string {
			if req == "H-" {
				return "ERR 1\r\n"
			}
			return w.answer(req)
		}}
		tr := Trial{Type: tryType(t, bath), Commands: true, Opener: mem.NewOpener(mem.Options{}, func(p *mem.Port) { go d.run(p) })}
		shown, rep := tried(t, tr, 6*time.Second)
		if !rep.Proved || rep.Unsafe == nil || !strings.Contains(shown, "cannot be made safe") {
			t.Errorf("%+v\n%s", rep, shown)
		}
	})
}
