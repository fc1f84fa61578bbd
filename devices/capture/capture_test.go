package capture

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"labbox/devices/transport"
	"labbox/devices/transport/mem"
)

const example = `# labbox capture 1
# type: plate
# hash: 3f1c
# port: /dev/ttyACM0
# baud: 115200
# date: 2026-11-22T11:05:00Z
1043201 < "{\"n\":0,\"temp\":21.97}\r\n"
1050377 > "{\"cmd\":\"beat\"}\n"
1052012 <b "\xff\x00"
1052012 <t "hello\\\t~ \x7f"
`

func read(t *testing.T, text string) (Header, []Chunk, *Reader, error) {
	t.Helper()
	r, err := NewReader(strings.NewReader(text))
	if err != nil {
		return Header{}, nil, nil, err
	}
	var out []Chunk
	for {
		c, err := r.Next()
		if errors.Is(err, io.EOF) {
			return r.Header(), out, r, nil
		}
		if err != nil {
			return r.Header(), out, r, err
		}
		c.Data = bytes.Clone(c.Data)
		out = append(out, c)
	}
}

func write(t *testing.T, h Header, chunks []Chunk) string {
	t.Helper()
	var b strings.Builder
	w, err := NewWriter(&b, h)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range chunks {
		if err := w.Add(c); err != nil {
			t.Fatal(err)
		}
	}
	return b.String()
}

// What is written reads back, and what is read is written the same.
func TestRoundTrip(t *testing.T) {
	h, chunks, r, err := read(t, example)
	if err != nil || r.CutOff() {
		t.Fatal(err, r.CutOff())
	}
	if h.Type != "plate" || h.Hash != "3f1c" || h.Port != "/dev/ttyACM0" || h.Baud != 115200 || !h.Date.Equal(time.Date(2026, 11, 22, 11, 5, 0, 0, time.UTC)) {
		t.Errorf("%+v", h)
	}
	if len(chunks) != 4 || chunks[0].At != 1043201*time.Microsecond || chunks[0].Sent || !chunks[1].Sent || chunks[2].Kind != transport.Binary ||
		string(chunks[2].Data) != "\xff\x00" || chunks[3].Kind != transport.Text || string(chunks[3].Data) != "hello\\\t~ \x7f" {
		t.Errorf("%+v", chunks)
	}
	if got := write(t, h, chunks); got != example {
		t.Errorf("got\n%s", got)
	}
}

// Notes and empty lines may stand anywhere; Windows line ends do no harm.
func TestNotesAndLineEnds(t *testing.T) {
	_, chunks, _, err := read(t, strings.ReplaceAll("# labbox capture 1\n# anything\n\n1 < \"a\"\n# a note\n\n2 < \"b\"\n", "\n", "\r\n"))
	if err != nil || len(chunks) != 2 || string(chunks[1].Data) != "b" {
		t.Error(chunks, err)
	}
}

// A process that was killed leaves half a line: it is dropped and said.
func TestCutOff(t *testing.T) {
	for _, end := range []string{"12", "12 < \"ab", "12 < \"ab\""} {
		_, chunks, r, err := read(t, "# labbox capture 1\n1 < \"a\"\n"+end)
		if err != nil || len(chunks) != 1 || !r.CutOff() {
			t.Error(end, chunks, err)
		}
	}
}

func TestRefused(t *testing.T) {
	for text, want := range map[string]string{
		"":                                           "line 1: no capture",
		"# labbox capture 2\n":                       "line 1: no capture",
		"# labbox capture 1\n# baud: x\n":            "line 2: baud",
		"# labbox capture 1\n# date: x\n":            "line 2: date",
		"# labbox capture 1\nx < \"a\"\n":            "line 2: capture: \"x\" is no time",
		"# labbox capture 1\n-1 < \"a\"\n":           "no time",
		"# labbox capture 1\n1 ? \"a\"\n":            "no direction",
		"# labbox capture 1\n1 <x \"a\"\n":           "no direction",
		"# labbox capture 1\n1 < a\n":                "double quotes",
		"# labbox capture 1\n1 < \"\n":               "double quotes",
		"# labbox capture 1\n1 < \"\\q\"\n":          "unknown escape",
		"# labbox capture 1\n1 < \"\\x1\"\n":         "two digits",
		"# labbox capture 1\n1 < \"\\xg0\"\n":        "two digits",
		"# labbox capture 1\n1 < \"\\\"\n":           "backslash at the end",
		"# labbox capture 1\n1 < \"a\"b\"\n":         "has to be escaped",
		"# labbox capture 1\n1 < \"\xff\"\n":         "has to be escaped",
		"# labbox capture 1\n2 < \"a\"\n1 < \"a\"\n": "line 3: capture: the time goes back",
		"# labbox capture 1\n1 < \"" + strings.Repeat("a", MaxChunk+1) + "\"\n": "at most",
		"# labbox capture 1\n1 < \"" + strings.Repeat("a", maxLine) + "\"\n":    "too long",
	} {
		_, _, _, err := read(t, text)
		if !errors.Is(err, ErrFormat) || !strings.Contains(err.Error(), want) {
			t.Errorf("%.40q: %v, want %s", text, err, want)
		}
	}
}

// A chunk beyond the limit becomes two lines; a clock that two goroutines looked
// at never goes back.
func TestWriterBounds(t *testing.T) {
	long := bytes.Repeat([]byte{0}, MaxChunk+7)
	_, chunks, _, err := read(t, write(t, Header{Port: "a\nb"}, []Chunk{{At: 5, Data: long}, {At: 3, Data: []byte("x")}}))
	if err != nil || len(chunks) != 3 || len(chunks[0].Data) != MaxChunk || len(chunks[1].Data) != 7 {
		t.Error(len(chunks), err)
	}
}

type failing struct{ n int }

func (f *failing) Write(p []byte) (int, error) {
	if f.n++; f.n > 2 {
		return 0, io.ErrShortWrite
	}
	return len(p), nil
}

func TestAFullDisk(t *testing.T) {
	f := &failing{}
	w, err := NewWriter(f, Header{})
	if err != nil {
		t.Fatal(err)
	}
	c := Chunk{Data: []byte("a")}
	if w.Add(c) != nil || w.Add(c) == nil || w.Add(c) == nil || f.n != 3 {
		t.Error("goes on after an error", f.n)
	}
}

func TestTap(t *testing.T) {
	for _, messages := range []bool{false, true} {
		box, device := mem.Pipe(mem.Options{Messages: messages})
		var got []Chunk
		p := Tap(box, func() time.Duration { return 7 }, func(c Chunk) { c.Data = bytes.Clone(c.Data); got = append(got, c) })
		if err := device.Send([]byte("hi"), transport.Binary); err != nil {
			t.Fatal(err)
		}
		buf := make([]byte, 10)
		if n, _, err := p.Receive(buf); n != 2 || err != nil {
			t.Fatal(n, err)
		}
		if err := p.Send([]byte("ho"), transport.Text); err != nil {
			t.Fatal(err)
		}
		want := []transport.Kind{transport.Stream, transport.Stream}
		if messages {
			want = []transport.Kind{transport.Binary, transport.Text}
		}
		if len(got) != 2 || got[0].Kind != want[0] || got[1].Kind != want[1] || got[0].Sent || !got[1].Sent || string(got[1].Data) != "ho" {
			t.Errorf("messages %t: %+v", messages, got)
		}
		_ = p.Close()
		_ = device.Close()
	}
}

// Any file is read or refused; what is read is written and read again the same.
func FuzzRead(f *testing.F) {
	f.Add(example)
	f.Add("# labbox capture 1\n1 < \"\\x00\\xff\"\n2 >")
	f.Add("# labbox capture 1\n# baud: 9\n\n#\n1 <b \"\"\n")
	f.Add("# labbox capture 1\r\n9007199254740993 < \"a\"\r\n")
	f.Fuzz(func(t *testing.T, text string) {
		h, chunks, _, err := read(t, text)
		if err != nil {
			if !errors.Is(err, ErrFormat) {
				t.Fatal(err)
			}
			return
		}
		h2, again, _, err := read(t, write(t, h, chunks))
		if err != nil {
			t.Fatal(err)
		}
		k := 0
		for _, c := range chunks {
			if len(c.Data) == 0 {
				continue
			}
			if k >= len(again) || again[k].At != c.At || again[k].Sent != c.Sent || again[k].Kind != c.Kind || !bytes.Equal(again[k].Data, c.Data) {
				t.Fatalf("%+v became %+v", chunks, again)
			}
			k++
		}
		if k != len(again) || h2.Type != oneLine(h.Type) || h2.Baud != h.Baud {
			t.Fatalf("%+v became %+v", h, h2)
		}
	})
}
