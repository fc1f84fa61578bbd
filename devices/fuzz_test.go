package devices

import (
	"io/fs"
	"math"
	"testing"
	"time"

	"labbox/devices/transport"
	"labbox/edge"
	"labbox/edge/config"
	"labbox/firmware-protocols/labwire"
	"labbox/firmware-protocols/lines"
)

// seedTypes adds every file of the catalogue.
func seedTypes(f *testing.F, add func(name string, data []byte)) {
	f.Helper()
	names, err := fs.Glob(catalogFS, "catalog/*.yaml")
	if err != nil {
		f.Fatal(err)
	}
	for _, name := range names {
		data, err := catalogFS.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		add(name, data)
	}
}

// Any text is either refused with a place, or a type whose every message can be
// sent and whose contract can be written.
func FuzzParseType(f *testing.F) {
	seedTypes(f, func(_ string, data []byte) { f.Add(data) })
	f.Add([]byte(wireType))
	f.Add([]byte("schema: 1\ntype: x\nsafe: {steps: [{wait: -1s}]}"))
	f.Add([]byte("commands: [{params: [{range: [.nan, .inf], slew: .nan, wire: {decimals: 99}}]}]"))
	f.Fuzz(func(t *testing.T, data []byte) {
		typ, ps := ParseType("x.yaml", data)
		if len(ps) > 0 {
			if typ != nil {
				t.Fatal("problems, and a type")
			}
			return
		}
		c := typ.contract(nil)
		if len(c.Hash) != 32 {
			t.Fatalf("hash %q", c.Hash)
		}
		codec, err := newCodec(typ)
		if err != nil {
			t.Fatal(err)
		}
		if typ.Safe != nil {
			for i := range typ.Safe.Steps {
				checkStep(t, typ, codec, &typ.Safe.Steps[i])
			}
		}
		for i := range typ.Connect.Steps {
			checkStep(t, typ, codec, &typ.Connect.Steps[i])
		}
		if len(typ.Commands) > 0 && typ.Safe == nil {
			t.Fatal("commands without a safe state")
		}
		for i := range typ.Commands {
			for k := range typ.Commands[i].Params {
				if p := &typ.Commands[i].Params[k]; p.kind() != edge.ParamChoice && (p.Range == nil || !(p.Range[0] <= p.Range[1])) {
					t.Fatalf("%s has no limits", p.ID)
				}
			}
		}
	})
}

func checkStep(t *testing.T, typ *Type, codec codec, st *Step) {
	send, args := st.Send, []argument(nil)
	if cmd := typ.command(st.Command); cmd != nil {
		var err error
		if args, err = cmd.resolve(stepArgs(st.Args)); err != nil {
			t.Fatal(err)
		}
		send = cmd.Send
	}
	if send == nil {
		if st.Wait <= 0 || st.Wait > longest {
			t.Fatalf("a step of nothing: %+v", st)
		}
		return
	}
	if _, err := codec.encode(nil, send, nil, args); err != nil {
		t.Fatal(err)
	}
}

// Whatever a device sends, cut as it may be, ends in samples, words or gaps, for
// each type of the catalogue, and memory stays bounded.
func FuzzIntake(f *testing.F) {
	for _, s := range []string{`{"n":1,"t":1,"temp":25.31,"duty":0,"fan":0,"safe":1}` + "\n", `{"id":"labbox-plate"}` + "\n",
		`{"enc":5,"time":7}` + "\n" + `{"result":"ok"}{"enc":6,"time":8}` + "\n", `{"t":[1,2],"d":[1,2],"v":[1],"m":"s"}` + "\n",
		"a:1,b:2\r\n", "1,2,3\n", `{"info","pid"` + "\n", "\x00\xff\n", `{"n":NaN,"t":1e999,"temp":-0}` + "\n",
		string(make([]byte, 64))} {
		f.Add([]byte(s), uint8(3))
	}
	reg, err := NewRegistry()
	if err != nil {
		f.Fatal(err)
	}
	var types []*Type
	for _, name := range reg.Names() {
		typ, err := reg.Type(name, "")
		if err != nil {
			f.Fatal(err)
		}
		types = append(types, typ)
	}
	f.Fuzz(func(t *testing.T, data []byte, cut uint8) {
		for _, typ := range types {
			feed(t, typ, data, int(cut)+1)
		}
	})
}

func feed(t *testing.T, typ *Type, data []byte, piece int) {
	codec, err := newCodec(typ)
	if err != nil {
		t.Fatal(err)
	}
	in, kind := newIntake(typ, nil), transport.Stream
	if typ.Protocol.Floats != nil {
		kind = transport.Binary
	}
	s := newStream("b", "d", nil)
	s.restart(1, typ.contract(nil), typ.Time != nil)
	w, now := &watchers{}, time.Duration(0)
	for i := range typ.Commands {
		cmd := &typ.Commands[i]
		if args, err := cmd.resolve(edge.Args{}); err == nil {
			out, err := codec.encode(nil, cmd.Send, cmd.Reply, args)
			if err != nil {
				t.Fatal(err)
			}
			for _, e := range []*expectation{newAnswer(out.answer, nil), newShows(typ, cmd.Shows, args)} {
				w.add(e)
				w.arm(e, 0)
			}
		}
	}
	for rest := data; len(rest) > 0; {
		p := rest[:min(piece, len(rest))]
		rest = rest[len(p):]
		now += time.Millisecond
		_ = codec.feed(p, kind, func(r *lines.Record) {
			w.record(r)
			in.fits(r)
			if r.Kind == lines.Values && in.take(r, now, s.lose, s.add) > 0 {
				w.sample(s.reading)
			}
			clip(r.Raw)
		})
	}
	s.flush()
}

// Whatever a firmware says of itself is refused, or makes a type whose commands
// stay within what it declared and within the bench's limits.
func FuzzToldType(f *testing.F) {
	reg, err := NewRegistry()
	if err != nil {
		f.Fatal(err)
	}
	base, err := reg.Type("labwire", "")
	if err != nil {
		f.Fatal(err)
	}
	f.Add([]byte(base.Protocol.Labwire.Example), 0.3)
	f.Add([]byte(heaterDictionary), 0.999)
	f.Fuzz(func(t *testing.T, text []byte, part float64) {
		d, err := labwire.ParseDictionary(text)
		if err != nil {
			return
		}
		typ, err := labwireType(base, d, labwire.CRC(text))
		if err != nil {
			return
		}
		if !(part >= 0 && part <= 1) {
			part = 0.5
		}
		limits := map[string]config.Limit{}
		for i := range typ.Commands {
			for k := range typ.Commands[i].Params {
				if p := &typ.Commands[i].Params[k]; p.Range != nil {
					top := p.Range[0] + part*(p.Range[1]-p.Range[0])
					limits[typ.Commands[i].ID+"."+p.ID] = config.Limit{Max: &top}
				}
			}
		}
		if typ, err = typ.narrowed(&config.Device{ID: "x", Limits: limits}); err != nil {
			return
		}
		if c := typ.contract(nil); len(c.Hash) != 32 {
			t.Fatal("no hash")
		}
		codec := newLabwireCodec(typ)
		for i := range typ.Commands {
			cmd := &typ.Commands[i]
			for end := range 2 {
				args, err := cmd.resolve(cmd.atEnds(end))
				if err != nil {
					continue
				}
				if _, err := codec.encode(nil, cmd.Send, nil, args); err != nil {
					t.Fatalf("%s: %v", cmd.ID, err)
				}
				for k, a := range args {
					if p := a.param; p.Range != nil {
						places := math.Pow10(d.Commands[i].Params[k].Decimals)
						if x := math.Round(a.out*places) / places; x > p.Range[1]+1e-9*math.Abs(p.Range[1]) || x < p.Range[0]-1e-9*math.Abs(p.Range[0]) {
							t.Fatalf("%s.%s: %g for %g to %g", cmd.ID, p.ID, x, p.Range[0], p.Range[1])
						}
					}
				}
			}
		}
	})
}
