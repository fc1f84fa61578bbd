package v4l2

import (
	"bytes"
	"image"
	"image/jpeg"
	"testing"
)

// goTables is the segment of standard tables that the Go encoder writes.
func goTables(t *testing.T) []byte {
	var b bytes.Buffer
	if err := jpeg.Encode(&b, image.NewYCbCr(image.Rect(0, 0, 8, 8), image.YCbCrSubsampleRatio420), nil); err != nil {
		t.Fatal(err)
	}
	i := bytes.Index(b.Bytes(), []byte{0xFF, dht})
	n := int(b.Bytes()[i+2])<<8 | int(b.Bytes()[i+3])
	return b.Bytes()[i : i+2+n]
}

// An encoder by others has the same tables.
func TestStandardTables(t *testing.T) {
	if got, want := standardTables(), goTables(t); !bytes.Equal(got, want) {
		t.Errorf("got  % x\nwant % x", got, want)
	}
}

func TestCleaned(t *testing.T) {
	frame := "\xFF\xC0\x00\x0B\x08\x00\x10\x00\x10\x01\x01\x11\x00"
	scan := "\xFF\xDA\x00\x08\x01\x01\x00\x00\x3F\x00"
	tables := "\xFF\xC4\x00\x03\x00"
	for name, tt := range map[string]struct{ in, out string }{
		"plain":                   {"\xFF\xD8" + tables + frame + scan + "ab\xFF\xD9", "\xFF\xD8" + tables + frame + scan + "ab\xFF\xD9"},
		"with a rest":             {"\xFF\xD8" + tables + frame + scan + "ab\xFF\xD9\xFF\xD8rest", "\xFF\xD8" + tables + frame + scan + "ab\xFF\xD9"},
		"stuffing, restart, fill": {"\xFF\xD8\xFF" + tables + frame + scan + "a\xFF\x00b\xFF\xD3c\xFF\xFF\xD9", "\xFF\xD8\xFF" + tables + frame + scan + "a\xFF\x00b\xFF\xD3c\xFF\xFF\xD9"},
		"a thumbnail":             {"\xFF\xD8\xFF\xE1\x00\x06\xFF\xD9\xFF\xD8" + tables + frame + scan + "\xFF\xD9", "\xFF\xD8\xFF\xE1\x00\x06\xFF\xD9\xFF\xD8" + tables + frame + scan + "\xFF\xD9"},
		"no tables":               {"\xFF\xD8" + frame + scan + "ab\xFF\xD9", "\xFF\xD8" + frame + string(standardTables()) + scan + "ab\xFF\xD9"},
		"two scans, tables late":  {"\xFF\xD8" + tables + frame + scan + "a" + tables + scan + "b\xFF\xD9", "\xFF\xD8" + tables + frame + scan + "a" + tables + scan + "b\xFF\xD9"},
		"nothing":                 {"", ""},
		"an end at once":          {"\xFF\xD8\xFF\xD9", ""},
		"no frame":                {"\xFF\xD8" + tables + scan + "ab\xFF\xD9", ""},
		"no scan":                 {"\xFF\xD8" + tables + frame + "\xFF\xD9", ""},
		"no end":                  {"\xFF\xD8" + tables + frame + scan + "ab", ""},
		"a second picture in it":  {"\xFF\xD8" + tables + frame + scan + "ab\xFF\xD8" + tables + frame + scan + "\xFF\xD9", ""},
		"no height":               {"\xFF\xD8" + tables + "\xFF\xC0\x00\x0B\x08\x00\x00\x00\x10\x01\x01\x11\x00" + scan + "ab\xFF\xD9", ""},
		"lossless":                {"\xFF\xD8" + tables + "\xFF\xC3" + frame[2:] + scan + "ab\xFF\xD9", ""},
		"a segment too long":      {"\xFF\xD8\xFF\xE0\xFF\xFF" + frame, ""},
		"a segment too short":     {"\xFF\xD8\xFF\xE0\x00\x01" + frame, ""},
		"no marker":               {"\xFF\xD8x" + tables + frame + scan + "ab\xFF\xD9", ""},
	} {
		got, ok := cleaned([]byte(tt.in), 1<<20)
		if string(got) != tt.out || ok != (tt.out != "") {
			t.Errorf("%s: % x", name, got)
		}
	}
	if b, ok := cleaned([]byte("\xFF\xD8"+tables+frame+scan+"ab\xFF\xD9"), 20); len(b) != 21 || !ok {
		t.Errorf("over the limit: %d bytes", len(b))
	}
}

// Whatever a camera sends: what comes out is whole, and stays as it is.
func FuzzCleaned(f *testing.F) {
	good := shot(f, 100, 32, 24)
	f.Add(good)
	f.Add(withoutTables(f, good))
	f.Add(append(bytes.Clone(good), 0xFF, 0xD8, 0, 0))
	f.Add([]byte("\xFF\xD8\xFF\xDA\x00\x02\xFF"))
	f.Fuzz(func(t *testing.T, b []byte) {
		was := bytes.Clone(b)
		out, ok := cleaned(b, 1<<20)
		if !bytes.Equal(b, was) {
			t.Fatal("the input was changed")
		}
		if !ok {
			if out != nil {
				t.Fatal("damaged, and yet a picture")
			}
			return
		}
		if !bytes.HasPrefix(out, []byte{0xFF, soi}) || !bytes.HasSuffix(out, []byte{0xFF, eoi}) || len(out) > len(b)+len(standardTables()) {
			t.Fatalf("% x", out)
		}
		if again, ok := cleaned(out, 2<<20); !ok || !bytes.Equal(again, out) {
			t.Fatal("not the same again")
		}
		_, _ = jpeg.Decode(bytes.NewReader(out)) // may fail, not fall
	})
}
