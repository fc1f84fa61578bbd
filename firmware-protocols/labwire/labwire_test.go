package labwire

import (
	"bytes"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

const plate = `labwire 1
device plate "Thermal plate" "1.0"
fr "Plaque chauffante"
rate 10
safe "The heater is off" 1000 10000
i16 temperature "Temperature" "Cel" 0 150 1 0.1 -20
f32 power "Power" "W" 0 10 2
enum state "State"
choice off "Off"
choice heating "Heating"
command heat "Heat" on
float power "Power" "%" 0 100 1 0.5 0
slew 20
rest 0
shows power
pick mode "Mode" 0
choice slow "Slow"
choice quick "Quick"
command off "Off" calming
`

func newPlate(t testing.TB, o DeviceOptions) *Device {
	t.Helper()
	if o.Dictionary == nil {
		o.Dictionary = []byte(plate)
	}
	d, err := NewDevice(o)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// all returns copies of the messages in p.
func all(d *Decoder, p []byte) (list []Message) {
	d.Feed(p, func(m *Message) {
		c := *m
		c.Raw = slices.Clone(m.Raw)
		c.Reply.Text = slices.Clone(m.Reply.Text)
		c.Chunk.Data = slices.Clone(m.Chunk.Data)
		c.Samples.Columns = nil
		for _, col := range m.Samples.Columns {
			c.Samples.Columns = append(c.Samples.Columns, slices.Clone(col))
		}
		list = append(list, c)
	})
	return list
}

func TestChecksums(t *testing.T) {
	if got := crc16(0xFFFF, []byte("123456789")); got != 0x29B1 {
		t.Errorf("crc16 %04x, want 29b1", got)
	}
	if got := CRC([]byte("123456789")); got != 0xCBF43926 {
		t.Errorf("CRC %08x, want cbf43926", got)
	}
}

// A session as the box leads it.
func TestSession(t *testing.T) {
	var got []int32
	dev := newPlate(t, DeviceOptions{
		Command: func(i int, args []int32) (Code, string) { got = append(got, args...); return OK, "" },
		Sample:  func(r *Row) { r.Shown(21.5); r.Shown(2.5); r.Shown(1) },
	})
	dec := NewDecoder()
	list := all(dec, dev.Boot(0, nil))
	if len(list) != 1 || !list[0].Boot || !strings.HasPrefix(string(list[0].Raw), `!hello plate "Thermal plate" "1.0" labwire=1 dict=`) {
		t.Fatalf("boot: %+v", list)
	}
	list = all(dec, dev.Step(200000, AppendHello(nil), nil))
	if len(list) != 2 || list[0].Kind != KindHello || string(list[1].Raw) != "temperature:21.5 power:2.50 state:1 safe:1" {
		t.Fatalf("hello: %+v", list)
	}
	h := list[0].Hello
	asm, err := NewAssembly(h)
	if err != nil {
		t.Fatal(err)
	}
	done := false
	for _, m := range all(dec, dev.Step(202000, AppendDictionaryRequest(nil, 0, 0), nil)) {
		if done, err = asm.Add(m.Chunk); err != nil {
			t.Fatal(err)
		}
	}
	dict, err := asm.Dictionary()
	if !done || err != nil || dict.Label["fr"] != "Plaque chauffante" || dict.Commands[0].Params[0].Slew.Float() != 20 {
		t.Fatalf("dictionary: %v %v %+v", done, err, dict)
	}
	if again := dict.Append(nil); string(again) != plate {
		t.Errorf("written again:\n%s", again)
	}
	dec.SetDictionary(dict)
	dec.Expect(7)
	list = all(dec, dev.Step(203000, AppendStream(nil, 1, Fast, 7, h.DictionaryCRC), nil))
	if len(list) != 2 || !list[0].Reply.OK() || list[0].Reply.ID != 1 {
		t.Fatalf("stream: %+v", list)
	}
	s := list[1].Samples
	if list[1].Kind != KindSamples || s.Rows != 1 || s.TimeUS != 203000 || !s.Restart || !s.Safe || s.Columns[0][0] != 415 || s.Columns[1][0] != 2.5 || s.Columns[2][0] != 1 ||
		math.Abs(dict.Channels[0].Shown(415)-21.5) > 1e-9 {
		t.Fatalf("samples: %+v", list)
	}

	index, cmd := dict.Command("heat")
	args, err := cmd.Args(nil, []float64{40.04, 1})
	if err != nil {
		t.Fatal(err)
	}
	heat := AppendCommand(nil, 2, index, args)
	for range 2 { // a repetition is answered, not carried out
		list = all(dec, dev.Step(255000, heat, nil))
		if len(list) != 1 || list[0].Reply.ID != 2 || !list[0].Reply.OK() || !slices.Equal(got, []int32{400, 1}) || dev.Safe() {
			t.Fatalf("heat: %+v %v", list, got)
		}
	}
	list = all(dec, dev.Step(256000, AppendCommand(nil, 3, index, []int32{1001, 0}), nil))
	if r := list[0].Reply; r.Code != Range || string(r.Text) != "power" || len(got) != 2 {
		t.Errorf("beyond the range: %+v %v", r, got)
	}
	if _, err := cmd.Args(nil, []float64{100.1, 0}); err == nil {
		t.Error("Args takes 100.1 of 100")
	}

	var kinds []string
	for us := uint64(260000); us < 1300000; us += 1000 {
		for _, m := range all(dec, dev.Step(us, nil, nil)) {
			if m.Kind != KindSamples {
				kinds = append(kinds, fmt.Sprint(m.Kind, " ", m.Event.Cause, " ", m.Status.Safe))
			}
		}
	}
	if want := []string{"status none false", "event deadman false", "status none true"}; !slices.Equal(kinds, want) || !dev.Safe() {
		t.Errorf("silence: %v, want %v", kinds, want)
	}
	if st := dec.Stats(); st.LostFrames+st.LostRows+st.Garbage+st.Skipped != 0 {
		t.Errorf("%+v", st)
	}
}

// Safe is understood behind half a line and behind half a frame.
func TestSafeBehindAnything(t *testing.T) {
	for _, before := range []string{"", "hea", "\x00", "\x00\x05", "\x00\x05\xf5\x18", "\x00\xf5", strings.Repeat("x", 100), "\x00\x02\xf5" + strings.Repeat("x", 100)} {
		dev := newPlate(t, DeviceOptions{Command: func(int, []int32) (Code, string) { return OK, "" }})
		dev.Boot(0, nil)
		dev.Step(0, AppendCommand(nil, 0, 0, []int32{1, 1}), nil)
		if dev.Safe() {
			t.Fatal("still safe")
		}
		list := all(NewDecoder(), dev.Step(10, AppendSafe([]byte(before)), nil))
		if last := list[len(list)-1]; !dev.Safe() || last.Kind != KindStatus || !last.Status.Safe {
			t.Errorf("after %q: %+v", before, list)
		}
	}
}

// stream makes n frames of two rows.
func stream(t testing.TB, n int) (*Dictionary, [][]byte) {
	t.Helper()
	dev := newPlate(t, DeviceOptions{Sample: func(r *Row) { r.Raw(1); r.Raw(0); r.Raw(10) }})
	dev.Boot(0, nil)
	dev.Step(0, AppendStream(nil, 0, Fast, 1, dev.crc), nil)
	var frames [][]byte
	for us := uint64(1000); len(frames) < n; us += 1000 {
		out := dev.Step(us, nil, nil)
		if len(out) > 0 {
			frames = append(frames, slices.Clone(out))
		}
	}
	return dev.dict, frames
}

// After garbage of any kind the next good frame is read, and the gap is known.
func TestResynchronises(t *testing.T) {
	dict, frames := stream(t, 60)
	random := rand.New(rand.NewPCG(1, 4))
	for range 5000 {
		dec := NewDecoder()
		dec.SetDictionary(dict)
		dec.Expect(1)
		dec.Feed(slices.Concat(frames[:3]...), func(*Message) {})
		cut := random.IntN(len(frames[3]) + 1)
		noise := slices.Clone(frames[3][:cut])
		for range random.IntN(400) {
			noise = append(noise, byte(random.IntN(256)))
		}
		dec.Feed(noise, func(m *Message) {
			if m.Kind == KindSamples && cut < len(frames[3])-1 {
				t.Fatalf("noise gave samples: %+v", m)
			}
		})
		list := all(dec, frames[5])
		last := list[len(list)-1]
		if last.Kind != KindSamples || last.Samples.LostRows == 0 || last.Lost == 0 {
			t.Fatalf("after %x: %+v", noise, list)
		}
	}
}

// Opened anywhere, the decoder takes the next whole frame and blames nobody.
func TestOpenedInTheMiddle(t *testing.T) {
	dict, frames := stream(t, 5)
	whole := slices.Concat(frames...)
	for cut := range len(frames[0]) - 1 {
		dec := NewDecoder()
		dec.SetDictionary(dict)
		list := all(dec, whole[cut+1:])
		if len(list) != 4 || list[0].Kind != KindSamples || list[0].Lost != 0 || list[0].Samples.LostRows != 0 {
			t.Fatalf("cut at %d: %+v", cut+1, list)
		}
	}
}

// A device that has started anew counts and times anew; nothing is lost by that.
func TestStartsAnew(t *testing.T) {
	for _, told := range []bool{false, true} {
		dev := newPlate(t, DeviceOptions{Sample: func(r *Row) { r.Raw(1); r.Raw(0); r.Raw(10) }})
		dec := NewDecoder()
		us := uint64(5e6)
		all(dec, dev.Boot(0, nil))
		for epoch := range uint8(2) {
			dec.Expect(epoch)
			list := all(dec, dev.Step(us, AppendStream(AppendHello(nil), 0, Fast, epoch, dev.crc), nil))
			last := list[len(list)-1]
			if last.Kind != KindSamples || last.Lost != 0 || last.Samples.TimeUS != us || list[0].Hello.Restarted != (epoch == 1 && !told) {
				t.Fatalf("epoch %d: %+v", epoch, list)
			}
			us = 1e6
			if out := dev.Boot(0, nil); told {
				all(dec, out)
			}
		}
	}
}

// How the bytes arrive changes nothing.
func TestChunking(t *testing.T) {
	dict, frames := stream(t, 5)
	p := slices.Concat([]byte("half\nline \xff\nok 1\r\n"), frames[0], []byte("text\r\ncut"), frames[1], bytes.Repeat([]byte("x"), 700), frames[2], frames[4])
	want := ""
	for size := 1; size < 40; size++ {
		dec := NewDecoder()
		dec.SetDictionary(dict)
		var list []Message
		for part := range slices.Chunk(p, size) {
			list = append(list, all(dec, part)...)
		}
		got := fmt.Sprintf("%+v %+v", list, dec.Stats())
		if want == "" {
			want = got
		}
		if got != want {
			t.Fatalf("size %d:\n%s\nwant\n%s", size, got, want)
		}
		if s := dec.Stats(); s.Frames != 4 || s.Garbage != 3 || s.Lines != 2 || s.LostFrames != 1 {
			t.Fatalf("%+v", s)
		}
	}
}

func TestFeedAllocatesNothing(t *testing.T) {
	dict, frames := stream(t, 50)
	p := slices.Concat(frames...)
	dec := NewDecoder()
	dec.SetDictionary(dict)
	rows := 0
	count := func(m *Message) { rows += m.Samples.Rows }
	if n := testing.AllocsPerRun(100, func() { dec.Feed(p, count) }); n != 0 || rows == 0 {
		t.Errorf("%g allocations per run", n)
	}
	buf := make([]byte, 0, 64)
	args := []int32{1, 2}
	if n := testing.AllocsPerRun(100, func() { buf = AppendPing(AppendCommand(buf[:0], 1, 0, args), 0) }); n != 0 {
		t.Errorf("requests: %g allocations per run", n)
	}
}

func BenchmarkFeed(b *testing.B) {
	dict, frames := stream(b, 50)
	p := slices.Concat(frames...)
	dec := NewDecoder()
	dec.SetDictionary(dict)
	b.SetBytes(int64(len(p)))
	for b.Loop() {
		dec.Feed(p, func(*Message) {})
	}
}
