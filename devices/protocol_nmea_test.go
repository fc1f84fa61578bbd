package devices

import (
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"labbox/devices/transport"
	"labbox/edge"
	"labbox/firmware-protocols/lines"
	"labbox/firmware-protocols/nmea"
)

const receiver = `schema: 1
type: receiver
label: {en: Receiver}
protocol: {nmea: {}}
stale_after: 3s
channels:
  - {id: lat, from: RMC.latitude, label: {en: Latitude}, unit: deg, format: f64, optional: true}
  - {id: valid, from: RMC.valid, label: {en: Valid}}
  - {id: height, from: GGA.altitude, label: {en: Height}, unit: m, optional: true}
  - {id: seen, from: GSV.in_view, label: {en: Seen}, optional: true}
  - {id: depth, from: ZZZ.2, label: {en: Own}, optional: true}
commands:
  - id: rate
    label: {en: Rate}
    params: [{id: ms, type: int, range: [100, 1000], default: 1000}]
    send: {parts: ["PMTK220,", {field: ms, as: int}]}
    reply: {ok: {MTK001.1: 220, MTK001.2: 3}, error: {MTK001.1: 220}, within: 200ms}
safe: {steps: [{command: rate, args: {ms: 1000}}]}
`

// sentences puts $, checksum and line end around bodies.
func sentences(bodies ...string) string {
	var b []byte
	for _, body := range bodies {
		var err error
		if b, err = appendSentence(b, body); err != nil {
			panic(err)
		}
	}
	return string(b)
}

// prints makes an instrument say something by itself.
func (d *instrument) prints(t *testing.T, text string) {
	t.Helper()
	d.mu.Lock()
	p := d.port
	d.mu.Unlock()
	if err := p.Send([]byte(text), transport.Stream); err != nil {
		t.Error(err)
	}
}

func TestABurstOfSentencesIsOneSample(t *testing.T) {
	d := &instrument{end: "\r\n"}
	d.reply = func(req string) string {
		if strings.HasPrefix(req, "$PMTK220") {
			return sentences("PMTK001,220,3")
		}
		return ""
	}
	withInstrument(t, receiver, d, func(t *testing.T, r *rig) {
		send := func(text string) {
			t.Helper()
			d.prints(t, text)
		}
		burst := func(at int) string {
			return sentences(fmt.Sprintf("GPRMC,0000%02d.00,A,4807.0380,N,01131.0000,E,0.5,84.4,230394,,,A", at),
				"GPGSV,2,1,08,01,40,083,46", "GPGSV,2,2,08,02,40,083,46",
				fmt.Sprintf("GNGGA,0000%02d.00,4807.0380,N,01131.0000,E,1,08,0.9,545.4,M,46.9,M,,", at), "GPZZZ,1,7.5")
		}
		time.Sleep(time.Millisecond)
		send("2,N*00\r\n" + burst(1))
		time.Sleep(time.Second)
		send(burst(2))
		r.until("live", live)
		samples := func() uint64 { return r.Status().Stream.Seq }
		time.Sleep(time.Second)
		for name, c := range map[string]struct {
			text string
			want uint64
		}{
			"one burst, cut in two":         {burst(3), 1},
			"two bursts without a pause":    {burst(4) + burst(5), 2},
			"without a time, by what leads": {strings.Repeat(sentences("GPRMC,,V,,,,,,,,,,N", "GPGSV,1,1,00"), 3), 3},
			"nothing that matters":          {sentences("GPGLL,4807.0380,N,01131.0000,E,000001.00,A,A", "GPTXT,01,01,02,hello"), 0},
		} {
			before := samples()
			send(c.text[:len(c.text)/2])
			time.Sleep(20 * time.Millisecond)
			send(c.text[len(c.text)/2:])
			time.Sleep(time.Second)
			if n := samples() - before; n != c.want {
				t.Errorf("%s: %d samples, want %d", name, n, c.want)
			}
		}
		send(burst(20))
		time.Sleep(time.Second)
		for ch, want := range map[string]float64{"lat": 48.1173, "valid": 1, "height": 545.4, "seen": 8, "depth": 7.5} {
			if x := r.stream.shown(ch); math.Abs(x-want) > 1e-4 {
				t.Errorf("%s is %g, want %g", ch, x, want)
			}
		}
		if st := r.Status(); st.Counts.Garbage > 0 || st.Counts.Lost > 0 {
			t.Errorf("%+v", st.Counts)
		}
		// A sentence that was damaged is lost, and said to be.
		bad := burst(30)
		send(strings.Replace(bad, "545.4", "545.5", 1) + burst(31))
		time.Sleep(time.Second)
		if st := r.Status(); st.Counts.Garbage != 1 || st.Counts.Lost == 0 {
			t.Errorf("%+v", st.Counts)
		}
		f := r.take(ann)
		stop := make(chan struct{})
		ended := make(chan struct{})
		go func() { // it goes on
			defer close(ended)
			for i := 40; ; i++ {
				select {
				case <-stop:
					return
				case <-time.After(time.Second):
					send(burst(i % 60))
				}
			}
		}()
		defer func() { close(stop); <-ended }()
		beats := r.beats(ann, f)
		defer beats()
		time.Sleep(2 * time.Second)
		if _, err := r.cmd(ann, f, "rate", edge.Args{"ms": edge.Number(200)}); err != nil || d.saw("$PMTK220,200*2C") != 1 {
			t.Errorf("%v, it saw that %d times", err, d.saw("$PMTK220,200*2C"))
		}
		d.on(func(string) string { return sentences("PMTK001,220,2") })
		if _, err := r.cmd(ann, f, "rate", edge.Args{"ms": edge.Number(300)}); edge.CodeOf(err) != edge.CodeDeviceRefused {
			t.Errorf("refused: %v", err)
		}
		d.on(func(string) string { return "" })
		if _, err := r.cmd(ann, f, "rate", edge.Args{"ms": edge.Number(400)}); edge.CodeOf(err) != edge.CodeNoAnswer {
			t.Errorf("no answer: %v", err)
		}
		d.on(func(string) string { return sentences("PMTK001,220,3") })
	})
}

// A receiver indoors is a receiver; another device is none.
func TestAReceiverWithoutAFixIsLive(t *testing.T) {
	text := strings.Split(receiver, "commands:")[0]
	needs := strings.Replace(text, "format: f64, optional: true", "format: f64", 1)
	for _, c := range []struct {
		text string
		says string
		live bool
	}{
		{text, sentences("GPRMC,,V,,,,,,,,,,N"), true},
		{needs, sentences("GPRMC,,V,,,,,,,,,,N"), false},
		{text, "{\"t\":1}\r\n", false},
		{text, "$GPRMC,,V,,,,,,,,,,N*00\r\n", false},
	} {
		d := &instrument{reply: func(string) string { return "" }}
		withInstrument(t, c.text, d, func(t *testing.T, r *rig) {
			time.Sleep(time.Millisecond)
			for range 6 {
				time.Sleep(time.Second)
				d.prints(t, c.says)
			}
			st := r.Status()
			if live(st) != c.live || !c.live && st.State != edge.StateFault {
				t.Errorf("%q: %s, %v", c.says, st.State, st.Reason)
			}
		})
	}
}

func TestNMEATypesAreChecked(t *testing.T) {
	for change, want := range map[[2]string]string{
		{"RMC.latitude", "RMC.latitud"}:             "RMC.latitude",
		{"RMC.latitude", "RMC.3"}:                   "RMC.",
		{"RMC.latitude", "latitude"}:                "such as GGA.latitude",
		{"nmea: {}", "nmea: {sentences: [GGA]}"}:    "add `RMC`",
		{"nmea: {}", "nmea: {sentences: [GPGGA?]}"}: "without the talker",
		{"nmea: {}", "nmea: {max: 3}"}:              "16 to 65536",
		{`"PMTK220,"`, `"$PMTK220,"`}:               "PMTK220",
		{`"PMTK220,"`, `"MTK,*"`}:                   "plain words",
	} {
		text := strings.Replace(receiver, change[0], change[1], 1)
		_, ps := ParseType("t.yaml", []byte(text))
		if err := ps.Err(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v: %v, want %q", change, err, want)
		}
	}
}

// The simulated receiver walks round its circle, and loses its fix when it is told
// to.
func TestTheSimulatedReceiver(t *testing.T) {
	inSimulation(t, catalogType(t, "gps"), func(t *testing.T, r *simRig) {
		lowest, highest := math.Inf(1), math.Inf(-1)
		for range 300 {
			time.Sleep(time.Second)
			lat, lon := r.stream.shown("latitude"), r.stream.shown("longitude")
			radius := math.Hypot((lat-48.1375)/0.0009, (lon-11.5755)/0.00135)
			if math.Abs(radius-1) > 0.005 {
				t.Fatalf("%g, %g lies at %g of the radius", lat, lon, radius)
			}
			lowest, highest = min(lowest, lat), max(highest, lat)
		}
		if highest-lowest < 0.0017 {
			t.Errorf("latitude from %g to %g in one round", lowest, highest)
		}
		if v := r.stream.shown("speed"); v < 1.8 || v > 2.5 { // 100 m round in 300 s
			t.Errorf("%g m/s", v)
		}
		if utc := r.stream.shown("utc"); math.Abs(utc-float64(time.Now().Unix())) > 3 {
			t.Errorf("time %g", utc)
		}
		if st := r.Status(); st.Counts.Garbage > 0 || st.Counts.Lost > 0 || math.Abs(st.Stream.RateHz-1) > 0.1 {
			t.Errorf("%+v, %g Hz", st.Counts, st.Stream.RateHz)
		}
	})
}

func TestAReceiverThatLosesItsFix(t *testing.T) {
	typ := catalogType(t, "gps")
	for i := range typ.Channels {
		if typ.Channels[i].ID == "fix" { // none in every second half minute
			typ.Channels[i].Sim = SimChannel{Wave: "square", Mean: 2, Amplitude: 1, Period: 60}
		}
	}
	inSimulation(t, typ, func(t *testing.T, r *simRig) {
		good, none := 0, 0
		for range 120 {
			time.Sleep(time.Second)
			_, at := r.stream.reading("latitude")
			switch fix := r.stream.shown("fix"); {
			case fix == 3 && r.clock.Mono()-at < 2*time.Second:
				good++
			case fix == 1 && r.stream.shown("satellites") == 0:
				none++
			}
		}
		if good < 50 || none < 50 || r.Status().State != edge.StateLive || r.Status().Counts.Lost > 0 {
			t.Errorf("%d with a fix, %d without, %+v", good, none, r.Status())
		}
	})
}

// Every sentence that the simulator prints is read back under its names.
func TestSimulatedSentencesReadBack(t *testing.T) {
	seen := map[string]bool{}
	for _, k := range nmea.Known() {
		typ, _, _ := strings.Cut(k.Name, ".")
		if seen[typ] {
			continue
		}
		seen[typ] = true
		var chans strings.Builder
		want := map[string]float64{}
		for i, f := range nmea.Known() {
			name, isOwn := strings.CutPrefix(f.Name, typ+".")
			if !isOwn || f.Text || oneOf(name, "time", "unix", "valid", "day", "month", "year", "zone_hours", "zone_minutes", "messages", "message", "quality", "fix") ||
				typ == "GSA" && name == "satellites" {
				continue
			}
			x := float64(i%40 + 1)
			want[fmt.Sprintf("c%d", i)] = x
			fmt.Fprintf(&chans, "  - {id: c%d, from: %s, label: C, format: f64, simulate: {mean: %g}}\n", i, f.Name, x)
		}
		if len(want) == 0 {
			continue
		}
		typ2, ps := ParseType("t.yaml", []byte("schema: 1\ntype: t\nlabel: {en: T}\nprotocol: {nmea: {}}\nserial: {baud: 115200}\nstale_after: 3s\nrate: 1\nchannels:\n"+chans.String()))
		if err := ps.Err(); err != nil {
			t.Fatal(err)
		}
		t.Run(typ, func(t *testing.T) {
			inSimulation(t, typ2, func(t *testing.T, r *simRig) {
				time.Sleep(3 * time.Second)
				for id, x := range want {
					if got := r.stream.shown(id); math.Abs(got-x) > 1e-3 {
						t.Errorf("%s is %g, want %g", typ2.channel(id).From, got, x)
					}
				}
			})
		})
	}
}

// Reading sentences costs no memory once they are known.
func TestNMEAAllocatesNothing(t *testing.T) {
	typ := parsed(t, receiver)
	c, err := newCodec(typ)
	if err != nil {
		t.Fatal(err)
	}
	in := newIntake(typ, nil)
	g, _ := c.(gatherer)
	n := 0
	out := func(time.Duration, float64, []float64) { n++ }
	text := []byte(sentences("GPRMC,000001.00,A,4807.0380,N,01131.0000,E,0.5,84.4,230394,,,A", "GPGGA,000001.00,4807.0380,N,01131.0000,E,1,08,0.9,545.4,M,46.9,M,,",
		"GPRMC,000002.00,A,4807.0380,N,01131.0000,E,0.5,84.4,230394,,,A", "GPGGA,000002.00,4807.0380,N,01131.0000,E,1,08,0.9,545.4,M,46.9,M,,"))
	take := func(r *lines.Record) {
		if g.begins() {
			in.round.flush(out)
		}
		in.round.gather(r, time.Second)
	}
	if a := testing.AllocsPerRun(100, func() { _ = c.feed(text, transport.Stream, take) }); a != 0 || n < 200 {
		t.Errorf("%g allocations for four sentences, %d samples", a, n)
	}
}
