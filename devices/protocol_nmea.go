package devices

import (
	"bytes"
	"math"
	"strings"
	"time"

	"labbox/devices/transport"
	"labbox/edge"
	"labbox/firmware-protocols/lines"
	"labbox/firmware-protocols/nmea"
)

// NMEAProtocol is sentences of NMEA 0183 (firmware-protocols/nmea). Channels come
// from its names, such as GGA.latitude, from XYZ.1, XYZ.2, ... where the type of
// sentence is unknown, and from MWV.speed_ms, the wind in m/s whatever unit the
// sentence has. The sentences that belong together make one sample.
type NMEAProtocol struct {
	Sentences  []string `yaml:"sentences"`   // types that matter, such as [RMC, GGA]; default: those that the file names
	NoChecksum bool     `yaml:"no_checksum"` // the device sends none; one that is there must be right all the same
	Max        int      `yaml:"max"`         // longest sentence in bytes, default 1024
}

// burstPause is the silence that ends a burst of sentences.
const burstPause = 100 * time.Millisecond

// nmeaCodec reads sentences; those of one time, or without a pause between them,
// are one burst.
type nmeaCodec struct {
	dec     *nmea.Decoder
	matters map[string]bool // types of sentences; nil: all
	keys    map[string][]byte
	take    func(*nmea.Sentence)
	value   func(name string, x float64, text []byte, isText bool)
	emit    func(*lines.Record)
	rec     lines.Record

	time   float64 // of the sentence
	wind   float64 // of an MWV, in the unit that it says
	unit   byte
	open   bool    // a burst has begun
	fresh  bool    // with the last record another burst began, or the last one ended
	epoch  float64 // the burst's time, NaN where it said none
	leader [16]byte
	length int // of leader
}

// maxNMEANames bounds the names that are kept.
const maxNMEANames = 512

func newNMEACodec(t *Type) (*nmeaCodec, error) {
	p := t.Protocol.NMEA
	dec, err := nmea.New(nmea.Options{NoChecksum: p.NoChecksum, Max: p.Max})
	if err != nil {
		return nil, err
	}
	c := &nmeaCodec{dec: dec, keys: map[string][]byte{}}
	if t.AutoChannel == nil || len(p.Sentences) > 0 {
		c.matters = t.sentences()
	}
	c.take, c.value = c.sentence, c.field
	return c, nil
}

// sentences are the types of sentences that the file names.
func (t *Type) sentences() map[string]bool {
	m := map[string]bool{}
	for _, s := range t.Protocol.NMEA.Sentences {
		m[s] = true
	}
	if len(m) == 0 {
		for i := range t.Channels {
			typ, _, _ := strings.Cut(t.Channels[i].from(), ".")
			m[typ] = true
		}
	}
	if t.Time != nil {
		typ, _, _ := strings.Cut(t.Time.From, ".")
		m[typ] = true
	}
	replies := func(r *Reply) {
		if r == nil {
			return
		}
		for _, f := range []Fields{r.OK, r.Error} {
			for key := range f {
				typ, _, _ := strings.Cut(key, ".")
				m[typ] = true
			}
		}
	}
	replies(&Reply{OK: t.Connect.Banner})
	for i := range t.Commands {
		replies(t.Commands[i].Reply)
	}
	all := [][]Step{t.Connect.Identify, t.Connect.Steps, t.On.Mismatch, t.On.Timeout}
	if t.Safe != nil {
		all = append(all, t.Safe.Steps)
	}
	for _, steps := range all {
		for i := range steps {
			replies(steps[i].Reply)
			replies(steps[i].Expect)
		}
	}
	if t.Keepalive != nil {
		replies(t.Keepalive.Reply)
	}
	return m
}

func (c *nmeaCodec) reset() {
	c.dec.Reset()
	c.open, c.fresh = false, false
}

func (c *nmeaCodec) feed(p []byte, _ transport.Kind, emit func(*lines.Record)) error {
	c.emit = emit
	c.dec.Feed(p, c.take)
	c.emit = nil
	return nil
}

func (c *nmeaCodec) silence() time.Duration { return burstPause }

// silent ends the burst.
func (c *nmeaCodec) silent(emit func(*lines.Record)) {
	if !c.open {
		return
	}
	c.open, c.fresh = false, true
	c.rec = lines.Record{Kind: lines.Labels, Fields: c.rec.Fields[:0]}
	emit(&c.rec)
}

func (c *nmeaCodec) begins() bool { return c.fresh }

func (c *nmeaCodec) sentence(s *nmea.Sentence) {
	c.rec = lines.Record{Kind: lines.Garbage, Raw: s.Raw, Fields: c.rec.Fields[:0]}
	switch {
	case s.Bad == nmea.Overlong:
		c.rec.Kind = lines.Overlong
	case s.Bad == nmea.Text: // words for people, unless it is what is left of a sentence
		c.rec.Why, c.rec.Plain = s.Bad.String(), readable(s.Raw) && !bytes.ContainsAny(s.Raw, ",*")
	case s.Bad != nmea.Good:
		c.rec.Why = s.Bad.String()
	case string(s.Type) == "TXT" && !c.matters["TXT"]:
		c.rec.Why, c.rec.Plain = "words", true
		if n := len(s.Fields); n > 0 {
			c.rec.Raw = s.Fields[n-1]
		}
	case c.matters != nil && !c.matters[string(s.Type)]:
		return
	default:
		c.good(s)
		return
	}
	c.emit(&c.rec)
}

// good gives the values of a sentence.
func (c *nmeaCodec) good(s *nmea.Sentence) {
	c.rec.Kind, c.time = lines.Values, math.NaN()
	c.wind, c.unit = math.NaN(), 0
	malformed := nmea.Values(s, c.value)
	if k := knownWind(c.unit); k > 0 && !math.IsNaN(c.wind) {
		c.field(nmeaWind, c.wind*k, nil, false)
	}
	c.fresh = c.another(s)
	c.emit(&c.rec)
	if malformed > 0 {
		c.rec = lines.Record{Kind: lines.Garbage, Raw: s.Raw, Why: "a field that is not what it should be", Fields: c.rec.Fields[:0]}
		c.emit(&c.rec)
	}
}

// another says whether the sentence begins a burst.
func (c *nmeaCodec) another(s *nmea.Sentence) bool {
	timed := !math.IsNaN(c.time)
	begins := true
	switch {
	case !c.open:
	case timed && !math.IsNaN(c.epoch):
		begins = c.time != c.epoch
	case string(s.Type) == "GSV" || string(s.Type) == "GSA": // several to a burst
		begins = false
	default:
		begins = c.leads(s, false)
	}
	if begins {
		c.open, c.epoch = true, math.NaN()
		c.leads(s, true)
	}
	if timed {
		c.epoch = c.time
	}
	return begins
}

// leads says whether the sentence is of the kind that began the burst, and
// with become makes it so.
func (c *nmeaCodec) leads(s *nmea.Sentence, become bool) bool {
	if become {
		c.length = copy(c.leader[:], s.Talker)
		c.length += copy(c.leader[c.length:], s.Type)
	}
	n := len(s.Talker)
	return c.length == n+len(s.Type) && string(c.leader[:n]) == string(s.Talker) && string(c.leader[n:c.length]) == string(s.Type)
}

// field adds one value to the record. An empty one is none.
func (c *nmeaCodec) field(name string, x float64, text []byte, isText bool) {
	switch name {
	case "RMC.time", "GGA.time", "GLL.time", "ZDA.time":
		c.time = x
	case "MWV.speed":
		c.wind = x
	case "MWV.unit":
		if len(text) == 1 {
			c.unit = text[0]
		}
	}
	if isText && len(text) == 0 || !isText && math.IsNaN(x) {
		return
	}
	key, ok := c.keys[name]
	if !ok {
		key = []byte(name)
		if len(c.keys) < maxNMEANames {
			c.keys[name] = key
		}
	}
	f := lines.Field{Key: key, Kind: lines.Number, NumOK: !math.IsNaN(x), Num: x}
	if isText {
		f.Kind, f.Text = lines.Text, text
	}
	c.rec.Fields = append(c.rec.Fields, f)
}

// nmeaWind is the wind of an MWV in m/s, whatever unit the sentence has.
const nmeaWind = "MWV.speed_ms"

// knownWind is what a wind's unit is in m/s, 0 for one that is unknown.
func knownWind(unit byte) float64 {
	switch unit {
	case 'M':
		return 1
	case 'K':
		return 1 / 3.6
	case 'N':
		return 1852. / 3600
	case 'S':
		return 1609.344 / 3600
	}
	return 0
}

// readable says whether a line is made of printable characters.
func readable(b []byte) bool {
	for _, x := range b {
		if x < ' ' && x != '\t' || x == 0x7f {
			return false
		}
	}
	return true
}

// encode makes a sentence of the parts, which are what stands between $ and *.
func (c *nmeaCodec) encode(dst []byte, s *Send, r *Reply, args []argument) (*outgoing, error) {
	body, err := s.print(nil, args)
	if err != nil {
		return nil, err
	}
	data, err := appendSentence(dst, string(body))
	if err != nil {
		return nil, edge.Errorf(edge.CodeBadValue, "%w", err)
	}
	return newOutgoing(data, transport.Text, r, args), nil
}

// appendSentence adds $, checksum and line end to a sentence's body.
func appendSentence(dst []byte, body string) ([]byte, error) {
	words := strings.Split(body, ",")
	n := min(2, len(words[0]))
	if strings.HasPrefix(body, "P") {
		n = 1
	}
	return nmea.Append(dst, words[0][:n], words[0][n:], words[1:]...)
}
