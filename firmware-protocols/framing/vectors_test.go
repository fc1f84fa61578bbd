package framing

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write what the codec does into vectors/*.json; read the diff")

// vectorFile is one file of vectors/: the cases of framing_test.mjs too. All
// bytes are text in which the characters U+0000 to U+00FF are bytes.
type vectorFile struct {
	About string       `json:"about"`
	Cases []vectorCase `json:"cases"`
}

type vectorCase struct {
	Name     string          `json:"name"`
	Options  json.RawMessage `json:"options"` // silence in ns
	Input    []vectorInput   `json:"input,omitempty"`
	Messages []vectorMessage `json:"messages,omitempty"`
	Stats    *vectorStats    `json:"stats,omitempty"`
	Send     []vectorSend    `json:"send,omitempty"`
}

// vectorInput is one thing that happens: bytes arrive, or the caller acts.
type vectorInput struct {
	Text  string `json:"text,omitempty"`
	Times int    `json:"times,omitempty"` // repeated
	Do    string `json:"do,omitempty"`    // reset, silent
}

type vectorMessage struct {
	Body *string `json:"body,omitempty"`
	Why  string  `json:"why,omitempty"`
	Raw  string  `json:"raw"`
	Sum  string  `json:"sum,omitempty"`  // hex
	Want string  `json:"want,omitempty"` // hex
}

type vectorStats struct {
	Messages uint64 `json:"messages"`
	Bad      uint64 `json:"bad"`
	Lost     uint64 `json:"lost"`
	Skipped  uint64 `json:"skipped"`
}

type vectorSend struct {
	Body  string `json:"body"`
	Frame string `json:"frame,omitempty"`
	Error string `json:"error,omitempty"`
}

func latin(b []byte) string {
	var s strings.Builder
	for _, c := range b {
		s.WriteRune(rune(c))
	}
	return s.String()
}

func unlatin(t testing.TB, s string) []byte {
	b, err := toBytes("text", s, 1<<30)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func (c vectorCase) options(t testing.TB) (o Options) {
	dec := json.NewDecoder(bytes.NewReader(c.Options))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&o); err != nil {
		t.Fatalf("%s: %v", c.Name, err)
	}
	return o
}

func (c vectorCase) run(t testing.TB, chunk int) ([]vectorMessage, vectorStats) {
	d := decoder(t, c.options(t))
	var list []got
	for _, in := range c.Input {
		switch in.Do {
		case "reset":
			d.Reset()
		case "silent":
			d.Silent(keep(&list))
		default:
			list = append(list, feed(d, bytes.Repeat(unlatin(t, in.Text), max(in.Times, 1)), chunk)...)
		}
	}
	var out []vectorMessage
	for _, g := range list {
		m := vectorMessage{Raw: latin([]byte(g.raw))}
		if g.why == OK {
			s := latin([]byte(g.body))
			m.Body = &s
		} else {
			m.Why = g.why.String()
			if g.body != "" {
				t.Errorf("%s: a bad message with the body %q", c.Name, g.body)
			}
		}
		if g.why == BadSum {
			m.Sum, m.Want = fmt.Sprintf("%x", g.sum), fmt.Sprintf("%x", g.want)
		}
		out = append(out, m)
	}
	s := d.Stats()
	return out, vectorStats{s.Messages, s.Bad, s.Lost, s.Skipped}
}

func (c vectorCase) send(t testing.TB) (out []vectorSend) {
	e := encoder(t, c.options(t))
	for _, s := range c.Send {
		frame, err := e.Append(nil, unlatin(t, s.Body))
		v := vectorSend{Body: s.Body, Frame: latin(frame)}
		if err != nil {
			v.Error = err.Error()
		}
		out = append(out, v)
	}
	return out
}

func TestVectors(t *testing.T) {
	for _, path := range vectorFiles(t) {
		file := readVectors(t, path)
		for i := range file.Cases {
			c := &file.Cases[i]
			t.Run(filepath.Base(path)+"/"+c.Name, func(t *testing.T) {
				messages, stats := c.run(t, 1<<20)
				sent := c.send(t)
				if *update {
					c.Messages, c.Send, c.Stats = messages, sent, nil
					if len(c.Input) > 0 {
						c.Stats = &stats
					}
					return
				}
				if !reflect.DeepEqual(messages, c.Messages) || c.Stats != nil && stats != *c.Stats {
					t.Errorf("got  %s %+v\nwant %s %+v", toJSON(t, messages), stats, toJSON(t, c.Messages), c.Stats)
				}
				if !reflect.DeepEqual(sent, c.Send) {
					t.Errorf("sends %s\nwant  %s", toJSON(t, sent), toJSON(t, c.Send))
				}
				for _, chunk := range []int{1, 2, 3, 7, 64} {
					again, s := c.run(t, chunk)
					if !reflect.DeepEqual(again, messages) || s != stats {
						t.Errorf("in chunks of %d: %s %+v", chunk, toJSON(t, again), s)
					}
				}
			})
		}
		if *update {
			if err := os.WriteFile(path, writeVectors(t, file), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func vectorFiles(t testing.TB) []string {
	paths, err := filepath.Glob("vectors/*.json")
	if err != nil || len(paths) < 8 {
		t.Fatalf("found %d files of vectors, %v", len(paths), err)
	}
	return paths
}

func readVectors(t testing.TB, path string) (f vectorFile) {
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	dec := json.NewDecoder(bytes.NewReader(b))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&f); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	return f
}

func toJSON(t testing.TB, v any) string {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		t.Fatal(err)
	}
	s := strings.TrimSpace(b.String())
	for c := rune(0x7f); c <= 0xff; c++ { // readable in any editor
		s = strings.ReplaceAll(s, string(c), fmt.Sprintf("\\u%04x", c))
	}
	return s
}

// writeVectors lays a file out with one message a line, so that diffs read well.
func writeVectors(t testing.TB, f vectorFile) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "{\n\"about\": %s,\n\"cases\": [", toJSON(t, f.About))
	for i, c := range f.Cases {
		fmt.Fprintf(&b, "%s\n{ \"name\": %s,\n  \"options\": %s", map[bool]string{true: ","}[i > 0], toJSON(t, c.Name), toJSON(t, c.Options))
		list := func(name string, n int, item func(int) any) {
			for i := range n {
				fmt.Fprintf(&b, "%s\n    %s", map[bool]string{true: ",", false: ",\n  \"" + name + "\": ["}[i > 0], toJSON(t, item(i)))
			}
			b.WriteString(map[bool]string{true: "\n  ]"}[n > 0])
		}
		list("input", len(c.Input), func(i int) any { return c.Input[i] })
		list("messages", len(c.Messages), func(i int) any { return c.Messages[i] })
		if c.Stats != nil {
			fmt.Fprintf(&b, ",\n  \"stats\": %s", toJSON(t, c.Stats))
		}
		list("send", len(c.Send), func(i int) any { return c.Send[i] })
		b.WriteString(" }")
	}
	b.WriteString("\n]\n}\n")
	return b.Bytes()
}
