package camera

import (
	"bytes"
	"image"
	"image/jpeg"
	"testing"

	"labbox/edge/config"
)

func segment(marker byte, body string) string {
	n := len(body) + 2
	return string([]byte{0xFF, marker, byte(n >> 8), byte(n)}) + body
}

// What a camera says of place and person does not leave the process, nor does a small
// copy of the picture.
func TestPictureIsBare(t *testing.T) {
	var buf bytes.Buffer
	if err := jpeg.Encode(&buf, image.NewGray(image.Rect(0, 0, 32, 16)), nil); err != nil {
		t.Fatal(err)
	}
	plain := buf.String()
	keep := segment(0xE0, "JFIF\x00\x01\x02\x00\x00\x01\x00\x01\x00\x00") + segment(0xE2, "ICC_PROFILE\x00\x01\x01p") + segment(0xEE, "Adobe\x00\x64\x00\x00\x00\x00\x01")
	full := plain[:2] + segment(0xE1, "Exif\x00\x00 latitude "+plain) + "\xff" + keep + segment(0xE0, "JFXX\x00\x10"+plain) +
		segment(0xFE, "serial number") + segment(0xED, "Photoshop") + plain[2:]
	h := &hub{cfg: &config.Camera{ID: "c"}}
	given := []byte(full)
	p, err := h.admit(t.Context(), given)
	if err != nil || string(given) != full {
		t.Fatal(err)
	}
	if want := plain[:2] + "\xff" + keep + plain[2:]; string(p.JPEG) != want {
		t.Errorf("%q", p.JPEG[:min(len(p.JPEG), 200)])
	}
	if p, err = h.admit(t.Context(), []byte(plain)); err != nil || string(p.JPEG) != plain {
		t.Error(err)
	}
}

func FuzzBare(f *testing.F) {
	f.Add([]byte("\xff\xd8" + segment(0xE1, "Exif") + "\xff\xda"))
	f.Add([]byte("\xff\xd8\xff\xff\xfe\x00\x01"))
	f.Fuzz(func(t *testing.T, b []byte) {
		was := bytes.Clone(b)
		got := bare(b)
		if len(got) > len(b) || !bytes.Equal(b, was) {
			t.Fatalf("%q of %q", got, b)
		}
	})
}
