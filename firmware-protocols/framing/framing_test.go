package framing

import (
	"errors"
	"strings"
	"testing"
)

func TestBothDirections(t *testing.T) {
	for _, w := range ways {
		e, d := encoder(t, w.o), decoder(t, w.o)
		frame, err := e.Append([]byte("before"), []byte(w.body))
		if err != nil {
			t.Errorf("%s: %v", w.name, err)
			continue
		}
		frame = frame[len("before"):]
		for _, chunk := range []int{1, 2, 3, 100} {
			list := feed(d, []byte(string(frame)+string(frame)), chunk)
			if w.o.Silence > 0 && w.o.End == "" {
				d.Reset()
				list = feed(d, frame, chunk)
				d.Silent(keep(&list))
				d.Silent(keep(&list)) // a longer silence is no other message
				list = append(list, list...)
			}
			if b := goods(list); len(list) != 2 || len(b) != 2 || b[0] != w.body || b[1] != w.body || d.Pending() {
				t.Errorf("%s: %q in chunks of %d is %v", w.name, frame, chunk, list)
			}
		}
	}
}

// TestResynchronises puts every kind of rubbish before two good frames and
// expects the second one at least.
func TestResynchronises(t *testing.T) {
	for _, w := range ways {
		if w.o.Silence > 0 && w.o.End == "" || w.o.Size > 0 && w.o.Start == "" && w.o.Checksum == nil {
			continue
		}
		frame, err := encoder(t, w.o).Append(nil, []byte(w.body))
		if err != nil {
			t.Fatal(err)
		}
		good := string(frame)
		bent := []byte(good)
		bent[len(bent)/2] ^= 0x41
		for name, rubbish := range map[string]string{
			"nothing":            "",
			"text":               "hello world",
			"zeros":              strings.Repeat("\x00", 100),
			"ones":               strings.Repeat("\xff", 5000),
			"a false start":      string(frame[:1]),
			"half a frame":       good[:len(good)/2],
			"the other half":     good[len(good)/2:],
			"all but the end":    good[:len(good)-1],
			"a damaged frame":    string(bent),
			"two damaged frames": string(bent) + string(bent),
			"many starts":        strings.Repeat(string(frame[:2]), 30),
			"a long length":      "\xaaU\xff\xff\xff\xff",
			"a short length":     "\xaaU\x00\x00\x00\x00",
			"an escape":          "\x10", "slip escape": "\xdb", "slip": "\xdb\x00",
		} {
			d := decoder(t, w.o)
			list := feed(d, []byte(rubbish+good+good), 7)
			if w.o.Length != nil && w.o.Checksum == nil && w.o.End == "" && name == "a long length" {
				continue // swallows what follows: nothing can tell
			}
			if len(list) == 0 || list[len(list)-1].body != w.body {
				d.Silent(keep(&list)) // a false length may wait for more
			}
			if b := goods(list); len(b) == 0 || b[len(b)-1] != w.body {
				t.Errorf("%s after %s: %v", w.name, name, list)
			}
		}
	}
}

func TestCheckNamesTheKey(t *testing.T) {
	sum := &Checksum{Kind: "xor"}
	for _, c := range []struct {
		key string
		o   Options
	}{
		{"end", Options{}},
		{"start", Options{Start: "$"}},
		{"start", Options{Start: "|", End: "|"}},
		{"start", Options{Start: "123456789", End: "|"}},
		{"start", Options{Start: "\xaa", End: "|"}},
		{"start", Options{Start: "\u20ac", End: "|"}},
		{"end", Options{End: `\r\n`}},
		{"start", Options{Start: "ab", End: "|", Escape: "\x10"}},
		{"start", Options{Start: "$", COBS: true}},
		{"end", Options{End: "123456789"}},
		{"end", Options{End: "\x10\x10", Escape: "\x10"}},
		{"end", Options{End: "\n", COBS: true}},
		{"escape", Options{End: "\n", Escape: "ab"}},
		{"escape", Options{Silence: 1, Escape: "a"}},
		{"xor", Options{End: "\n", Xor: 32}},
		{"xor", Options{End: "\n", Escape: "\x10", Xor: 256}},
		{"xor", Options{Start: "\x02", End: "\x03", Escape: "\x10", Xor: 1}},
		{"after", Options{End: "\n", After: "*"}},
		{"after", Options{After: "ab", Escape: "\x10", Tail: 1}},
		{"tail", Options{SLIP: true, Tail: 1}},
		{"tail", Options{End: "\n", Tail: 17}},
		{"tail", Options{End: "\n", Tail: -1}},
		{"tail", Options{End: "\n", Tail: 1, Checksum: &Checksum{Kind: "xor", As: "hex"}}},
		{"length.size", Options{Length: &Length{}}},
		{"length.size", Options{Length: &Length{Size: 5}}},
		{"length.size", Options{Length: &Length{Size: 9, As: "hex"}}},
		{"length.as", Options{Length: &Length{Size: 1, As: "octal"}}},
		{"length.order", Options{Length: &Length{Size: 1, Order: "middle"}}},
		{"length.at", Options{Start: "ab", Length: &Length{Size: 1, At: 1}}},
		{"length.at", Options{Length: &Length{Size: 1, At: 17}}},
		{"length.add", Options{Length: &Length{Size: 1, Add: 1 << 20}}},
		{"size", Options{Size: 4, Length: &Length{Size: 1}}},
		{"size", Options{Size: -1}},
		{"size", Options{Start: "ab", Size: 2}},
		{"slip", Options{COBS: true, SLIP: true}},
		{"silence", Options{COBS: true, Silence: 1}},
		{"silence", Options{Start: "$", End: "\n", Silence: 1}},
		{"silence", Options{Silence: -1}},
		{"empty", Options{Start: "$", End: "\n", Empty: true}},
		{"hex", Options{COBS: true, Hex: true}},
		{"hex", Options{End: "\n", Empty: true, Hex: true}},
		{"checksum.as", Options{End: "\n", Hex: true, Checksum: &Checksum{Kind: "lrc", As: "hex"}}},
		{"checksum.kind", Options{End: "\n", Checksum: &Checksum{Kind: "md5"}}},
		{"checksum.as", Options{End: "\n", Checksum: &Checksum{Kind: "xor", As: "octal"}}},
		{"checksum.order", Options{End: "\n", Checksum: &Checksum{Kind: "xor", Order: "x"}}},
		{"checksum.from", Options{End: "\n", Checksum: &Checksum{Kind: "xor", From: -1}}},
		{"checksum.until", Options{End: "\n", Checksum: &Checksum{Kind: "xor", Until: -1}}},
		{"checksum.stuffed", Options{End: "\n", Checksum: &Checksum{Kind: "xor", Stuffed: true}}},
		{"max", Options{End: "\n", Max: -1}},
		{"max", Options{End: "\n", Max: 1<<20 + 1}},
		{"max", Options{Start: "$", End: "\n", Max: 1<<16 + 1}},
		{"max", Options{End: "\n", Tail: 6, Max: 4, Checksum: sum}},
	} {
		_, err := New(c.o)
		var k *KeyError
		if !errors.As(err, &k) || k.Key != c.key || c.o.Check() == nil {
			t.Errorf("%+v: %v, want %s", c.o, err, c.key)
		}
	}
	for _, w := range ways {
		if err := w.o.Check(); err != nil {
			t.Errorf("%s: %v", w.name, err)
		}
	}
}
