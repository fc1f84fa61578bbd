package labwire

import (
	"bytes"
	"encoding/hex"
	"slices"
	"testing"
)

// FuzzDecoder feeds anything in two pieces: nothing is found where nothing is, the
// bytes are bounded, and a good frame behind it is read.
func FuzzDecoder(f *testing.F) {
	dict, frames := stream(f, 3)
	f.Add(slices.Concat(frames...), 7)
	f.Add([]byte("!hello x\r\n\x00\x05\xf9garbage\n"), 3)
	f.Add([]byte("temperature:21.5 safe:1\r\n\x00\x18\x00ok 3\r\n"), 30)
	f.Add(bytes.Repeat([]byte{0, 0xff, 0xf9}, 200), 9)
	f.Add(append([]byte("{\xe2\x80\x8b\"error\":1}"), frames[1][:9]...), 1)
	for _, d := range readDialogs(f) {
		var said []byte
		for _, s := range d.Steps {
			out, err := hex.DecodeString(s.Out)
			if err != nil {
				f.Fatal(err)
			}
			said = append(said, out...)
		}
		f.Add(said, len(said)/2)
	}
	f.Fuzz(func(t *testing.T, p []byte, cut int) {
		dec := NewDecoder()
		dec.SetDictionary(dict)
		check := func(m *Message) {
			if m.Kind == KindSamples && (len(m.Samples.Columns) != 3 || len(m.Samples.Columns[2]) != m.Samples.Rows) {
				t.Fatalf("%+v", m)
			}
			if m.Kind == KindText && !plain(m.Raw) || len(m.Raw) > maxLine {
				t.Fatalf("%+v", m)
			}
		}
		cut = max(0, min(cut, len(p)))
		dec.Feed(p[:cut], check)
		dec.Feed(p[cut:], check)
		list := all(dec, frames[0])
		if last := list[len(list)-1]; last.Kind != KindSamples {
			t.Fatalf("no frame after %x: %+v", p, list)
		}
		if s := dec.Stats(); s.GarbageBytes+s.Skipped > s.Bytes {
			t.Fatalf("%+v", s)
		}
	})
}

// FuzzParseDictionary: what is taken can be written and read again, and serves a device.
func FuzzParseDictionary(f *testing.F) {
	f.Add([]byte(plate))
	for line := range bytes.Lines([]byte(plate)) {
		f.Add(append([]byte("labwire 1\ndevice x \"X\" \"1\"\nsafe \"off\" 1000 1000\n"), line...))
	}
	f.Fuzz(func(t *testing.T, p []byte) {
		d, err := ParseDictionary(p)
		if err != nil {
			return
		}
		again, err := ParseDictionary(d.Append(nil))
		if err != nil {
			t.Fatalf("%v\n%s", err, d.Append(nil))
		}
		if !bytes.Equal(again.Append(nil), d.Append(nil)) {
			t.Fatalf("\n%s\n%s", d.Append(nil), again.Append(nil))
		}
		dev := newPlate(t, DeviceOptions{Dictionary: p})
		dev.Boot(0, nil)
		dev.Step(1000, []byte("?\n"), nil)
	})
}

// FuzzDevice types and sends anything: no value beyond a range is carried out, and
// afterwards the device still obeys.
func FuzzDevice(f *testing.F) {
	f.Add([]byte("#12 set heat 40 quick\nheat 40.5 0\nheat 1e9 0\n?\nstream off\n\x18"))
	f.Add(AppendCommand(AppendStream(AppendHello(nil), 1, Fast, 3, CRC([]byte(plate))), 2, 0, []int32{-1, 0}))
	f.Add(AppendDictionaryRequest([]byte("\x00\x05\xf5half"), 60000, 200))
	for _, d := range readDialogs(f) {
		var said []byte
		for _, s := range d.Steps {
			in, err := hex.DecodeString(s.In)
			if err != nil {
				f.Fatal(err)
			}
			said = append(said, in...)
		}
		f.Add(said)
	}
	f.Fuzz(func(t *testing.T, p []byte) {
		dev := newPlate(t, DeviceOptions{
			Command: func(i int, args []int32) (Code, string) {
				if i == 0 && (args[0] < 0 || args[0] > 1000 || args[1] < 0 || args[1] > 1) {
					t.Fatalf("%v carried out", args)
				}
				return OK, ""
			},
			Sample: func(r *Row) { r.Raw(1); r.Raw(2) },
		})
		dev.Boot(0, nil)
		us := uint64(0)
		for part := range slices.Chunk(p, 7) {
			us += 30000
			if out := dev.Step(us, part, nil); len(out) > 64<<10 {
				t.Fatalf("%d bytes at once", len(out))
			}
		}
		found := false
		dec := NewDecoder()
		out := dev.Step(us+200000, nil, nil)
		dec.Feed(dev.Step(us+200001, AppendSafe(AppendPing(nil, 99)), out), func(m *Message) {
			found = found || m.Kind == KindReply && m.Reply.ID == 99
		})
		if !found || !dev.Safe() {
			t.Fatalf("no answer after %q", p)
		}
	})
}
