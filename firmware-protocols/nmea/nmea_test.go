package nmea

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"math"
	"os"
	"strconv"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write what the decoder does into vectors/decode.json; read the diff")

// vector is one case of vectors/decode.json. Results are one line each: a bad
// sentence is "! reason: raw", a value is "name=number" or "name=`text`".
type vector struct {
	Name       string   `json:"name"`
	NoChecksum bool     `json:"noChecksum,omitempty"`
	Max        int      `json:"max,omitempty"`
	Text       string   `json:"text,omitempty"`
	Hex        string   `json:"hex,omitempty"`
	Want       []string `json:"want"`
	Malformed  int      `json:"malformed,omitempty"`
	Stats      string   `json:"stats"` // sentences wrong malformed overlong text skipped
}

func vectors(t testing.TB) []vector {
	b, err := os.ReadFile("vectors/decode.json")
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		About string   `json:"about"`
		Cases []vector `json:"cases"`
	}
	dec := json.NewDecoder(bytes.NewReader(b))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&file); err != nil {
		t.Fatal(err)
	}
	return file.Cases
}

func (v vector) bytes(t testing.TB) []byte {
	b, err := hex.DecodeString(v.Hex)
	if err != nil {
		t.Fatal(err)
	}
	return append([]byte(v.Text), b...)
}

func (v vector) run(t testing.TB, chunk int) (got []string, malformed int, stats string) {
	d, err := New(Options{NoChecksum: v.NoChecksum, Max: v.Max})
	if err != nil {
		t.Fatal(err)
	}
	emit := func(s *Sentence) {
		if s.Bad != Good {
			got = append(got, strings.ToValidUTF8(fmt.Sprintf("! %s: %s", s.Bad, s.Raw), "\ufffd"))
			return
		}
		malformed += Values(s, func(name string, number float64, text []byte, isText bool) {
			if isText {
				got = append(got, strings.ToValidUTF8(fmt.Sprintf("%s=`%s`", name, text), "\ufffd"))
			} else {
				got = append(got, name+"="+strconv.FormatFloat(number, 'f', -1, 64))
			}
		})
	}
	tmp := make([]byte, 0, chunk)
	for b := v.bytes(t); len(b) > 0; {
		n := min(chunk, len(b))
		tmp = append(tmp[:0], b[:n]...)
		d.Feed(tmp, emit)
		for i := range tmp {
			tmp[i] = '#'
		}
		b = b[n:]
	}
	s := d.Stats()
	return got, malformed, fmt.Sprint(s.Sentences, s.Wrong, s.Malformed, s.Overlong, s.Text, s.Skipped)
}

func TestVectors(t *testing.T) {
	seen := map[string]bool{}
	if *update {
		writeVectors(t)
	}
	for _, v := range vectors(t) {
		t.Run(v.Name, func(t *testing.T) {
			for _, chunk := range []int{1 << 20, 1, 2, 7, 61} {
				got, malformed, stats := v.run(t, chunk)
				if strings.Join(got, "\n") != strings.Join(v.Want, "\n") || malformed != v.Malformed || stats != v.Stats {
					t.Fatalf("in chunks of %d, %d malformed, stats %q:\n%s", chunk, malformed, stats, quoted(got))
				}
			}
		})
		for _, w := range v.Want {
			name, _, _ := strings.Cut(w, "=")
			seen[name] = true
		}
	}
	for _, k := range Known() {
		if !seen[k.Name] {
			t.Errorf("no vector for %s", k.Name)
		}
	}
}

func quoted(lines []string) string {
	b, _ := json.MarshalIndent(lines, "", "  ")
	return string(b)
}

func writeVectors(t *testing.T) {
	var b bytes.Buffer
	b.WriteString("{\n\"about\": \"Byte streams and what is read. A value is name=number or name=`text`; ! begins a bad sentence, with the reason and the bytes. stats: sentences, wrong, malformed, overlong, text, skipped bytes.\",\n\"cases\": [")
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	for i, v := range vectors(t) {
		b.WriteString(map[bool]string{true: "\n", false: ","}[i == 0])
		v.Want, v.Malformed, v.Stats = v.run(t, 1<<20)
		if err := enc.Encode(v); err != nil {
			t.Fatal(err)
		}
	}
	b.WriteString("]\n}\n")
	if err := os.WriteFile("vectors/decode.json", b.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
}

func TestAppend(t *testing.T) {
	for _, c := range []struct {
		talker, typ string
		fields      []string
		want        string
	}{
		{"P", "MTK220", []string{"1000"}, "$PMTK220,1000*1F\r\n"},
		{"P", "MTK314", strings.Split("0,1,0,1,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0", ","), "$PMTK314,0,1,0,1,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0*28\r\n"},
		{"GP", "HDT", []string{"274.07", "T"}, "$GPHDT,274.07,T*03\r\n"},
		{"II", "MTW", nil, "$IIMTW*4E\r\n"},
	} {
		got, err := Append([]byte("x"), c.talker, c.typ, c.fields...)
		if err != nil || string(got) != "x"+c.want {
			t.Errorf("%q, %v; want %q", got, err, c.want)
		}
	}
	long := strings.Repeat("x", DefaultMax)
	for _, c := range [][]string{
		{"", "GGA"}, {"G", "GGA"}, {"PX", "GGA"}, {"gp", "GGA"}, {"GP", ""}, {"GP", "G,A"}, {"GP", "GGA", "a,b"}, {"GP", "GGA", "a*b"},
		{"GP", "GGA", "a\r\nb"}, {"GP", "GGA", "$"}, {"GP", "GGA", "é"}, {"GP", "GGA", long}, {"GP", strings.Repeat("A", 20)},
	} {
		if got, err := Append([]byte("x"), c[0], c[1], c[2:]...); !errors.Is(err, ErrSentence) || string(got) != "x" {
			t.Errorf("%.40q: %q, %v", c, got, err)
		}
	}
}

// What a simulated receiver writes is read back.
func TestAppendedIsRead(t *testing.T) {
	for _, c := range []struct{ lat, lon, time float64 }{
		{48.1173, 11.516667, 45319}, {-33.85, -151.2, 0}, {90, 180, 86399.99}, {-0.00001, 0.00001, 0.01}, {math.NaN(), 200, math.NaN()}, {59.99999999, -179.99999999, 86399.999},
	} {
		position := string(AppendAngle(nil, c.lat, false)) + "," + string(AppendAngle(nil, c.lon, true))
		line, err := Append(nil, "GP", "GLL", append(strings.Split(position, ","), string(AppendTime(nil, c.time)), "A")...)
		if err != nil {
			t.Fatal(err)
		}
		d, _ := New(Options{})
		n := 0
		d.Feed(line, func(s *Sentence) {
			if bad := Values(s, func(name string, x float64, _ []byte, _ bool) {
				var want float64
				tolerance := 1e-6
				switch name {
				case "GLL.latitude":
					want = c.lat
				case "GLL.longitude":
					if want = c.lon; want > 180 {
						want = math.NaN()
					}
				case "GLL.time":
					want, tolerance = c.time, 0.0101
				default:
					return
				}
				n++
				if math.IsNaN(want) != math.IsNaN(x) || math.Abs(x-want) > tolerance {
					t.Errorf("%s is %v, want %v in %q", name, x, want, line)
				}
			}); bad != 0 {
				t.Errorf("%d malformed in %q", bad, line)
			}
		})
		if n != 3 {
			t.Errorf("%d values of %q", n, line)
		}
	}
}

func TestOptions(t *testing.T) {
	for _, n := range []int{-1, 15, 1<<16 + 1} {
		if _, err := New(Options{Max: n}); !errors.Is(err, ErrOptions) {
			t.Errorf("%d: %v", n, err)
		}
	}
}

func TestResetForgetsHalfALine(t *testing.T) {
	d, _ := New(Options{})
	var got []string
	emit := func(s *Sentence) { got = append(got, s.Bad.String()+" "+string(s.Raw)) }
	d.Feed([]byte("$GPHDT,274"), emit)
	d.Reset()
	d.Feed([]byte(".07,T*03\r\n$GPHDT,274.07,T*03\r\n"), emit)
	if len(got) != 1 || got[0] != "good $GPHDT,274.07,T*03" || d.Stats().Skipped != 8 {
		t.Errorf("%q %+v", got, d.Stats())
	}
}

func TestKnown(t *testing.T) {
	spec, err := os.ReadFile("SPEC.md")
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, k := range Known() {
		if seen[k.Name] || k.Help == "" && k.Unit == "" {
			t.Errorf("%+v: twice, or without words", k)
		}
		seen[k.Name] = true
		unit := k.Unit
		if k.Text {
			unit = "text"
		}
		if row := fmt.Sprintf("| `%s` | %s | %s |", k.Name, unit, k.Help); !bytes.Contains(spec, []byte(row)) {
			t.Errorf("SPEC.md lacks\n%s", row)
		}
	}
}

func TestWithoutAllocation(t *testing.T) {
	d, _ := New(Options{})
	in := []byte(benchInput)
	var sum float64
	value := func(_ string, x float64, _ []byte, _ bool) { sum += x }
	emit := func(s *Sentence) { Values(s, value) }
	out := make([]byte, 0, 128)
	if n := testing.AllocsPerRun(100, func() {
		d.Feed(in, emit)
		out, _ = Append(out[:0], "P", "MTK220", "1000")
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
	if s := d.Stats(); s.Sentences%7 != 0 || s.Wrong != 0 {
		t.Errorf("%+v", s)
	}
}
