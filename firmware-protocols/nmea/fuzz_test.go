package nmea

import (
	"bytes"
	"strings"
	"testing"
)

// good ends every fuzzed stream: it must be read, whatever came before.
const good = "$GPHDT,274.07,T*03\r\n"

func FuzzFeed(f *testing.F) {
	for _, v := range vectors(f) {
		f.Add(v.bytes(f), uint8(7), v.NoChecksum)
	}
	f.Add([]byte(strings.Repeat("$GPGGA,", 300)), uint8(1), false)
	f.Add([]byte(strings.Repeat("!", 2000)), uint8(255), true)
	f.Fuzz(func(t *testing.T, in []byte, chunk uint8, noChecksum bool) {
		var first []string
		for pass, size := range []int{len(in) + 64, int(chunk) + 1} {
			d, err := New(Options{NoChecksum: noChecksum, Max: 128})
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			emit := func(s *Sentence) {
				if len(s.Raw) > 128 {
					t.Fatalf("%d bytes", len(s.Raw))
				}
				got = append(got, s.Bad.String()+string(s.Raw))
				if s.Bad == Good && s.Checked {
					again(t, s)
				}
				Values(s, func(name string, _ float64, _ []byte, _ bool) {
					if name == "" {
						t.Fatal("no name")
					}
				})
			}
			all := append(bytes.Clone(in), good...)
			for len(all) > 0 {
				n := min(size, len(all))
				d.Feed(bytes.Clone(all[:n]), emit)
				all = all[n:]
			}
			// A $ or ! inside the last line's own bytes is the only way to glue it.
			if len(got) == 0 || got[len(got)-1] != "good"+strings.TrimSpace(good) {
				t.Fatalf("the good sentence is lost: %q", got)
			}
			s := d.Stats()
			if int(s.Sentences+s.Wrong+s.Malformed+s.Overlong+s.Text) != len(got) || int(s.Bytes) != len(in)+len(good) {
				t.Fatalf("%+v for %d lines", s, len(got))
			}
			if pass == 0 {
				first = got
			} else if strings.Join(first, "\n") != strings.Join(got, "\n") {
				t.Fatalf("chunks matter: %q and %q", first, got)
			}
		}
	})
}

// again writes what was read.
func again(t *testing.T, s *Sentence) {
	var fields []string
	for _, b := range s.Fields {
		fields = append(fields, string(b))
	}
	out, err := Append(nil, string(s.Talker), string(s.Type), fields...)
	if err != nil {
		return // a character that must be escaped
	}
	want := bytes.TrimRight(s.Raw[1:], " \t\x00")
	if n := len(want) - 2; !bytes.Equal(out[1:1+n], want[:n]) {
		t.Fatalf("%q read, %q written", s.Raw, out)
	}
}
