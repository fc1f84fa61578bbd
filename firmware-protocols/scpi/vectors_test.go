package scpi

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"strconv"
	"strings"
	"testing"
)

type vector struct {
	Name    string
	Options struct {
		End, Prompt            string
		Max                    int
		Bare                   bool `json:"bare_blocks"`
		Plain, Multiline, Echo bool
	}
	Sent, Input string
	Replies     []string
	Stats       *Stats
}

func (v vector) decoder(t testing.TB) *Decoder {
	o := v.Options
	return decoder(t, Options{End: o.End, Prompt: o.Prompt, Max: o.Max, BareBlocks: o.Bare, Plain: o.Plain, Multiline: o.Multiline, Echo: o.Echo})
}

func decoder(t testing.TB, o Options) *Decoder {
	t.Helper()
	d, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func readVectors[T any](t testing.TB, name string) []T {
	t.Helper()
	b, err := os.ReadFile("vectors/" + name + ".json")
	if err != nil {
		t.Fatal(err)
	}
	var file struct{ Cases []T }
	if err := json.Unmarshal(b, &file); err != nil {
		t.Fatal(err)
	}
	if len(file.Cases) == 0 {
		t.Fatal("no cases")
	}
	return file.Cases
}

// show writes a response as the vectors do.
func show(r Response) string {
	if r.Kind != Reply {
		return r.Kind.String()
	}
	var b strings.Builder
	first := true
	for u := range r.Units() {
		if !first {
			b.WriteByte('|')
		}
		first = false
		if len(u.Header) > 0 {
			fmt.Fprintf(&b, "%s ", u.Header)
		}
		n := 0
		for d := range u.Data() {
			if n++; n > 1 {
				b.WriteByte(',')
			}
			fmt.Fprintf(&b, "%v:", d.Kind)
			switch d.Kind {
			case Hex, Octal, Binary:
				fmt.Fprint(&b, d.Uint)
			case Quantity:
				fmt.Fprintf(&b, "%v %s", d.Num, d.Body)
			case Block:
				b.WriteString(hex.EncodeToString(d.Body))
			case NR1, NR2, NR3:
				switch {
				case math.IsNaN(d.Num):
					b.WriteString("nan")
				case math.IsInf(d.Num, 0):
					b.WriteString(map[bool]string{true: "inf", false: "-inf"}[d.Num > 0])
				default:
					b.WriteString(strconv.FormatFloat(d.Num, 'g', -1, 64))
				}
			default:
				b.Write(d.AppendText(nil))
			}
		}
	}
	return b.String()
}

// feed gives in to the decoder in chunks, in memory that is spoilt afterwards.
func feed(d *Decoder, in []byte, chunk int) (got []string) {
	for len(in) > 0 {
		n := min(chunk, len(in))
		c := append([]byte(nil), in[:n]...)
		d.Feed(c, func(r Response) { got = append(got, show(r)) })
		for i := range c {
			c[i] = '#'
		}
		in = in[n:]
	}
	return got
}

func TestVectors(t *testing.T) {
	for _, v := range readVectors[vector](t, "replies") {
		t.Run(v.Name, func(t *testing.T) {
			for _, chunk := range []int{1, 2, 3, 7, 1 << 20} {
				d := v.decoder(t)
				d.Sent([]byte(v.Sent))
				got := feed(d, []byte(v.Input), chunk)
				if strings.Join(got, "\n") != strings.Join(v.Replies, "\n") {
					t.Fatalf("in chunks of %d:\n got %q\nwant %q", chunk, got, v.Replies)
				}
				if v.Stats != nil {
					s := d.Stats()
					s.Bytes = 0
					if s != *v.Stats {
						t.Fatalf("stats %+v, want %+v", s, *v.Stats)
					}
				}
			}
		})
	}
}
