package minikv

import (
	"bytes"
	"reflect"
	"testing"
	"time"
)

func sampleImages() []image {
	return []image{
		{key: "gone"}, {key: "", form: formString, one: "v"}, {key: "k", form: formString, deadline: 5, left: time.Hour},
		{key: "h", form: formHash, parts: []string{"f", "1"}}, {key: "l", form: formList, parts: []string{"a", "b", "c"}},
		{key: "z", form: formZset, parts: []string{"m", "12345678"}}, {key: "s", form: formSet, parts: []string{"x"}},
	}
}

// writeAll turns images into messages as the journal does.
func writeAll(images []image, clocks []clockMark, boot uint64) (msgs [][]byte) {
	w := recordWriter{boot: boot, emit: func(b []byte) error {
		msgs = append(msgs, b)
		return nil
	}}
	for _, c := range clocks {
		w.clock(c)
	}
	for i := range images {
		_ = w.image(&images[i])
	}
	_ = w.end()
	return msgs
}

func readAllOf(t testing.TB, msgs [][]byte) *replay {
	r := &replay{images: map[string]image{}, clocks: map[uint64]int64{}}
	for _, m := range msgs {
		rec, err := decodeRecord(m)
		if err != nil {
			t.Fatal(err)
		}
		if err := r.add(rec); err != nil {
			t.Fatal(err)
		}
	}
	return r
}

func TestRecordsComeBack(t *testing.T) {
	images := append(sampleImages(), image{key: "big", form: formString, one: string(bytes.Repeat([]byte("x"), 3*pieceSize))})
	msgs := writeAll(images, []clockMark{{boot: 7, wall: -3}}, 7)
	if len(msgs) != 4 {
		t.Errorf("%d messages", len(msgs))
	}
	r := readAllOf(t, msgs)
	if len(r.images) != len(images)-1 || r.clocks[7] != -3 || !r.whole {
		t.Errorf("%d images, clocks %v", len(r.images), r.clocks)
	}
	for _, i := range images[1:] {
		i.boot = 7
		if got := r.images[i.key]; !reflect.DeepEqual(got, i) {
			t.Errorf("got %.100v, want %.100v", got, i)
		}
	}
}

// Of a batch that was cut off nothing counts, and the next one does.
func TestCutBatch(t *testing.T) {
	big := []image{{key: "a", form: formString, one: "new"}, {key: "big", form: formString, one: string(make([]byte, 2*pieceSize))}}
	cut := writeAll(big, nil, 1)
	msgs := append(writeAll([]image{{key: "a", form: formString, one: "old"}}, nil, 1), cut[:len(cut)-1]...)
	if r := readAllOf(t, msgs); len(r.images) != 1 || r.images["a"].one != "old" {
		t.Errorf("a part of a batch counts")
	}
	msgs = append(msgs, writeAll([]image{{key: "b", form: formString, one: "next"}}, nil, 1)...)
	if r := readAllOf(t, msgs); len(r.images) != 2 || r.images["a"].one != "old" || r.images["b"].one != "next" {
		t.Errorf("the batch after a cut one is wrong")
	}
	if r := readAllOf(t, cut[:1]); r.whole {
		t.Errorf("a cut snapshot counts as whole")
	}
}

func TestDamagedRecords(t *testing.T) {
	msg := writeAll(sampleImages(), nil, 1)[0]
	for at := range msg {
		bad := bytes.Clone(msg)
		bad[at] ^= 0x10
		if _, err := decodeRecord(bad); err == nil {
			t.Fatalf("a flipped bit at %d was not seen", at)
		}
		if _, err := decodeRecord(msg[:at]); err == nil {
			t.Fatalf("the first %d bytes were taken for a record", at)
		}
	}
}

func FuzzDecodeRecord(f *testing.F) {
	f.Add(writeAll(sampleImages(), []clockMark{{1, 2}}, 3)[0])
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := decodeRecord(b)
		if err == nil && len(r.piece) > len(b) {
			t.Fatal("a piece longer than its record")
		}
	})
}

func FuzzDecodeBatch(f *testing.F) {
	for _, i := range sampleImages() {
		f.Add(appendImage(nil, &i))
	}
	f.Add(appendClock(nil, clockMark{boot: 1 << 60, wall: -1}))
	f.Fuzz(func(t *testing.T, b []byte) {
		images, clocks, err := decodeBatch(b, 9)
		if err != nil {
			return
		}
		var again []byte
		for _, c := range clocks {
			again = appendClock(again, c)
		}
		for i := range images {
			again = appendImage(again, &images[i])
		}
		images2, clocks2, err := decodeBatch(again, 9)
		if err != nil || !reflect.DeepEqual(images, images2) || !reflect.DeepEqual(clocks, clocks2) {
			t.Fatalf("%v %v became %v %v %v", images, clocks, images2, clocks2, err)
		}
	})
}
