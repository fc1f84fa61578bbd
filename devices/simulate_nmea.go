package devices

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"labbox/devices/sim"
	"labbox/firmware-protocols/fields"
	"labbox/firmware-protocols/nmea"
)

// nmeaDevice prints the sentences that its type's channels come from, once a
// report, and answers the messages that the type sends. One whose latitude and
// longitude are sines walks round a circle. It has no fix while the channel of
// RMC.valid, GGA.quality or GSA.fix (1: none) says so.
type nmeaDevice struct {
	t     *Type
	types []string
	begun time.Time
	known []simRequest
	dec   *nmea.Decoder
	vals  fields.Values
}

func newNMEADevice(t *Type) (*nmeaDevice, error) {
	dec, err := nmea.New(nmea.Options{})
	if err != nil {
		return nil, err
	}
	d := &nmeaDevice{t: t, known: t.requests(), dec: dec}
	for i := range t.Channels {
		if typ, _, _ := strings.Cut(t.Channels[i].from(), "."); !slices.Contains(d.types, typ) {
			d.types = append(d.types, typ)
		}
	}
	return d, nil
}

func (d *nmeaDevice) Open(now time.Time, _ *sim.Model, _ sim.Output) {
	if d.begun.IsZero() {
		d.begun = now
	}
	d.dec.Reset()
}

// Report prints one burst.
func (d *nmeaDevice) Report(now time.Time, m *sim.Model, out sim.Output) {
	b := &burst{d: d, m: m, now: now, fix: true}
	for field, least := range map[string]float64{"RMC.valid": 1, "GGA.quality": 1, "GSA.fix": 2} {
		if x, ok := b.number(field); ok && x < least {
			b.fix = false
		}
	}
	for _, typ := range d.types {
		if line, err := appendSentence(nil, b.body(typ)); err == nil {
			out.Text(line)
		}
	}
}

// burst is the state that one burst of sentences tells of.
type burst struct {
	d   *nmeaDevice
	m   *sim.Model
	now time.Time
	fix bool
}

func (b *burst) number(field string) (float64, bool) {
	v, _ := b.m.Read(field)
	x, ok := v.(float64)
	return x, ok
}

// where are latitude, longitude, speed over ground in knots and course, NaN for
// what the type has no channel for.
func (b *burst) where() (lat, lon, knots, course float64) {
	lat, lon, knots, course = math.NaN(), math.NaN(), math.NaN(), math.NaN()
	var la, lo *Channel
	for i := range b.d.t.Channels {
		ch := &b.d.t.Channels[i]
		switch x, ok := b.number(ch.from()); {
		case !ok:
		case strings.HasSuffix(ch.from(), ".latitude"):
			la, lat = ch, x
		case strings.HasSuffix(ch.from(), ".longitude"):
			lo, lon = ch, x
		}
	}
	if la == nil || lo == nil || la.Sim.Wave != "sine" || lo.Sim.Wave != "sine" || la.Sim.Period <= 0 {
		return lat, lon, knots, course
	}
	phase := 2 * math.Pi * math.Mod(b.now.Sub(b.d.begun).Seconds()/la.Sim.Period, 1)
	lat, lon = la.Sim.Mean+la.Sim.Amplitude*math.Sin(phase), lo.Sim.Mean+lo.Sim.Amplitude*math.Cos(phase)
	const metresPerDegree = 111120 // 60 nautical miles
	north := la.Sim.Amplitude * math.Cos(phase)
	east := -lo.Sim.Amplitude * math.Sin(phase) * math.Cos(lat*math.Pi/180)
	knots = math.Hypot(north, east) * 2 * math.Pi / la.Sim.Period * metresPerDegree * 3.6 / 1.852
	return lat, lon, knots, math.Mod(math.Atan2(east, north)*180/math.Pi+360, 360)
}

// nmeaLayout is what stands in a sentence: names of its fields, "lat" and "lon"
// for two fields each, "=" before a constant, "-" for an empty field.
func nmeaLayout(typ string) string {
	return map[string]string{
		"RMC": "time valid lat lon speed course date variation =E mode",
		"GGA": "time lat lon quality satellites hdop altitude =M geoid_separation =M dgps_age dgps_station",
		"GLL": "lat lon time valid mode",
		"GSA": "=A fix =1 =2 =3 =4 - - - - - - - - pdop hdop vdop",
		"GSV": "=1 =1 in_view =01 =40 =083 =46",
		"VTG": "course =T course_magnetic =M speed =N speed_kmh =K mode",
		"ZDA": "time day month year =00 =00",
		"MWV": "angle reference speed unit valid",
		"MWD": "direction =T direction_magnetic =M speed_knots =N speed =M",
		"MTW": "temperature =C",
		"DBT": "depth_feet =f depth =M depth_fathoms =F",
		"DPT": "depth offset range",
		"HDG": "heading deviation =E variation =E",
		"HDM": "heading =M",
		"HDT": "heading =T",
		"ROT": "rate valid",
		"VHW": "heading =T heading_magnetic =M speed =N speed_kmh =K",
	}[typ]
}

// nmeaTransducer is type and unit of an XDR value by the unit it has in the type
// file.
func nmeaTransducer(unit string) [2]string {
	return map[string][2]string{"Cel": {"C", "C"}, "bar": {"P", "B"}, "Pa": {"P", "P"}, "%": {"H", "P"}, "deg": {"A", "D"},
		"m": {"D", "M"}, "V": {"U", "V"}, "A": {"I", "A"}, "Hz": {"F", "H"}, "N": {"N", "N"}, "1/min": {"T", "R"}}[unit]
}

// body is a sentence without its $ and checksum.
func (b *burst) body(typ string) string {
	talker := "GP"
	switch typ {
	case "MWV", "MWD", "MTW", "XDR":
		talker = "WI"
	case "DBT", "DPT", "VHW":
		talker = "SD"
	case "HDG", "HDM", "HDT", "ROT":
		talker = "HE"
	}
	if layout := nmeaLayout(typ); layout != "" {
		words := []string{talker + typ}
		for _, name := range strings.Fields(layout) {
			words = append(words, b.word(typ, name))
		}
		return strings.Join(words, ",")
	}
	var words []string
	if typ == "XDR" {
		for i := range b.d.t.Channels {
			ch := &b.d.t.Channels[i]
			name, ok := strings.CutPrefix(ch.from(), "XDR.")
			if x, isNumber := b.number(ch.from()); ok && isNumber && !strings.HasSuffix(name, ".unit") {
				kind := nmeaTransducer(ch.Unit)
				words = append(words, kind[0], strconv.FormatFloat(x, 'f', -1, 64), kind[1], name)
			}
		}
	} else {
		for i := range b.d.t.Channels { // numbered fields
			from := b.d.t.Channels[i].from()
			if n, err := strconv.Atoi(strings.TrimPrefix(from, typ+".")); err == nil && strings.HasPrefix(from, typ+".") {
				for len(words) < n {
					words = append(words, "")
				}
				words[n-1] = b.shown(from)
			}
		}
	}
	return talker + typ + "," + strings.Join(words, ",")
}

// shown is a channel's value on the wire.
func (b *burst) shown(field string) string {
	switch x, _ := b.m.Read(field); v := x.(type) {
	case string:
		return v
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64)
	}
	return ""
}

// word is one field of a sentence.
func (b *burst) word(typ, name string) string {
	lat, lon, knots, course := b.where()
	number := func(x float64, decimals int) string {
		if !b.fix || math.IsNaN(x) {
			return ""
		}
		return strconv.FormatFloat(x, 'f', decimals, 64)
	}
	own := b.shown(typ + "." + name)
	switch {
	case strings.HasPrefix(name, "="):
		return name[1:]
	case name == "-":
		return ""
	case name == "time":
		u := b.now.UTC()
		return string(nmea.AppendTime(nil, float64(u.Hour()*3600+u.Minute()*60+u.Second())+float64(u.Nanosecond()/1e7)/100))
	case name == "date":
		return b.now.UTC().Format("020106")
	case name == "day", name == "month", name == "year":
		return b.now.UTC().Format(map[string]string{"day": "02", "month": "01", "year": "2006"}[name])
	case name == "lat" || name == "lon":
		x := map[string]float64{"lat": lat, "lon": lon}[name]
		if !b.fix {
			x = math.NaN()
		}
		return string(nmea.AppendAngle(nil, x, name == "lon"))
	case name == "speed" && !math.IsNaN(knots) && (typ == "RMC" || typ == "VTG"):
		return number(knots, 3)
	case name == "speed_kmh" && !math.IsNaN(knots) && typ == "VTG":
		return number(knots*1.852, 3)
	case name == "course" && !math.IsNaN(course):
		return number(course, 2)
	case name == "valid":
		if own == "0" || !b.fix {
			return "V"
		}
		return "A"
	case name == "mode":
		return map[bool]string{true: "A", false: "N"}[b.fix]
	case name == "quality" && !b.fix:
		return "0"
	case name == "fix" && !b.fix:
		return "1"
	case name == "satellites" && !b.fix:
		return "00"
	case name == "reference" && own == "":
		return "R"
	case name == "unit" && own == "":
		return "M"
	case typ == "MWV" && name == "speed" && own == "":
		return b.shown(nmeaWind)
	case !b.fix && oneOf(typ, "GGA", "RMC", "GSA", "VTG") && !oneOf(name, "quality", "satellites", "fix"):
		return ""
	case own == "" && oneOf(name, "quality", "fix"):
		return map[string]string{"quality": "1", "fix": "3"}[name]
	}
	return own
}

// Receive answers what the type sends by what the type expects.
func (d *nmeaDevice) Receive(_ time.Time, p []byte, m *sim.Model, out sim.Output) {
	d.dec.Feed(p, func(s *nmea.Sentence) {
		if s.Bad != nmea.Good {
			return
		}
		body, _, _ := strings.Cut(string(s.Raw[1:]), "*")
		for i := range d.known {
			r := &d.known[i]
			if r.send.pattern == nil || !r.send.pattern.Match([]byte(body), &d.vals, nil) {
				continue
			}
			set, ok := r.values(&d.vals)
			if r.safe {
				m.Reset()
			}
			if ok {
				for id, x := range set {
					m.Set(id, x)
				}
				for _, e := range r.shows {
					m.Show(e)
				}
			}
			if r.reply != nil {
				d.reply(r, ok, out)
			}
			return
		}
	})
}

// reply prints the sentences that the reply's conditions describe.
func (d *nmeaDevice) reply(r *simRequest, ok bool, out sim.Output) {
	want := r.reply.OK
	if !ok {
		want = r.reply.Error
	}
	sentences := map[string][]string{}
	for _, key := range slices.Sorted(maps.Keys(want)) {
		typ, field, _ := strings.Cut(key, ".")
		n, err := strconv.Atoi(field)
		if err != nil {
			continue
		}
		for len(sentences[typ]) < n {
			sentences[typ] = append(sentences[typ], "")
		}
		w := fmt.Sprint(want[key])
		if id, isParam := strings.CutPrefix(w, "$"); isParam {
			if e, found := d.vals.Get(id); found {
				w = string(e.Text)
				if w == "" {
					w = strconv.FormatFloat(e.Num, 'f', -1, 64)
				}
			}
		} else if w == "*" {
			w = "1"
		}
		sentences[typ][n-1] = w
	}
	for _, typ := range slices.Sorted(maps.Keys(sentences)) {
		if line, err := appendSentence(nil, "P"+typ+","+strings.Join(sentences[typ], ",")); err == nil {
			out.Text(line)
		}
	}
}
