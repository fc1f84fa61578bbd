package minikv

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"math"
	"time"
)

// form is the type of a value in an image.
type form byte

const (
	formNone   form = iota // the key does not exist
	formString             // one text
	formHash               // field, value, ...
	formList               // from head to tail
	formSet
	formZset // member, score as 8 bytes big-endian, ...
	formClock
)

// image is what a key holds after a write.
type image struct {
	key      string
	form     form
	parts    []string
	one      string        // the only part of a formString
	deadline time.Duration // on the clock of the boot; 0: it stays
	left     time.Duration // when it was written
	boot     uint64        // set by decode
}

func (i *image) size() int {
	n := 32 + len(i.key) + len(i.one)
	for _, p := range i.parts {
		n += len(p) + 8
	}
	return n
}

// clockMark says what the calendar showed when a boot's clock was 0.
type clockMark struct {
	boot uint64
	wall int64 // Unix ns
}

// A record is one message of the log: version, flags, boot, a piece of a batch,
// CRC-32C of all before it. The pieces of a batch, joined, are its entries: form,
// key, and unless the form is formNone: deadline (0: none; else followed by
// left), number of parts, parts. Numbers are uvarints, texts have their length
// before them. A clock mark has boot and wall in place of a key.
const (
	recordVersion = 1
	flagMore      = 1 // the batch goes on in the next record
	flagGoesOn    = 2 // the batch began in a record before
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func beginRecord(b []byte, boot uint64) []byte {
	b = append(b, recordVersion, 0)
	return binary.AppendUvarint(b, boot)
}

func endRecord(b []byte) []byte {
	return binary.BigEndian.AppendUint32(b, crc32.Checksum(b, castagnoli))
}

func appendText(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

func appendImage(b []byte, i *image) []byte {
	b = append(b, byte(i.form))
	b = appendText(b, i.key)
	if i.form == formNone {
		return b
	}
	b = binary.AppendUvarint(b, uint64(i.deadline))
	if i.deadline != 0 {
		b = binary.AppendUvarint(b, uint64(i.left))
	}
	if i.form == formString {
		return appendText(binary.AppendUvarint(b, 1), i.one)
	}
	b = binary.AppendUvarint(b, uint64(len(i.parts)))
	for _, p := range i.parts {
		b = appendText(b, p)
	}
	return b
}

func appendClock(b []byte, c clockMark) []byte {
	b = append(b, byte(formClock))
	b = binary.AppendUvarint(b, c.boot)
	return binary.AppendVarint(b, c.wall)
}

type record struct {
	flags byte
	boot  uint64
	piece []byte
}

var errRecord = errors.New("damaged record")

// decodeRecord reads one message. The piece shares memory with b.
func decodeRecord(b []byte) (record, error) {
	if len(b) < 7 || b[0] != recordVersion {
		if len(b) > 0 && b[0] > recordVersion {
			return record{}, fmt.Errorf("record of version %d: written by a newer labbox", b[0])
		}
		return record{}, errRecord
	}
	body := b[:len(b)-4]
	if crc32.Checksum(body, castagnoli) != binary.BigEndian.Uint32(b[len(body):]) {
		return record{}, errRecord
	}
	d := decoder{b: body[2:]}
	r := record{flags: b[1], boot: d.uvarint()}
	if r.piece = d.b; d.bad {
		return record{}, errRecord
	}
	return r, nil
}

// decodeBatch reads the joined pieces of a batch. What it returns shares no
// memory with b.
func decodeBatch(b []byte, boot uint64) (images []image, clocks []clockMark, err error) {
	d := decoder{b: b}
	for len(d.b) > 0 && !d.bad {
		f := form(d.b[0])
		d.b = d.b[1:]
		if f == formClock {
			clocks = append(clocks, clockMark{boot: d.uvarint(), wall: d.varint()})
			continue
		}
		if f > formClock {
			return nil, nil, errRecord
		}
		images = append(images, d.image(f, boot))
	}
	if d.bad {
		return nil, nil, errRecord
	}
	return images, clocks, nil
}

func (d *decoder) image(f form, boot uint64) image {
	i := image{form: f, key: d.text(), boot: boot}
	if f == formNone {
		return i
	}
	if i.deadline = d.duration(); i.deadline != 0 {
		i.left = d.duration()
	}
	n := d.uvarint()
	pairs := f == formHash || f == formZset
	if n > uint64(len(d.b)) || f == formString && n != 1 || pairs && n%2 != 0 {
		d.bad = true
		return i
	}
	if f == formString {
		i.one = d.text()
		return i
	}
	for ; n > 0 && !d.bad; n-- {
		i.parts = append(i.parts, d.text())
		if f == formZset && len(i.parts)%2 == 0 && len(i.parts[len(i.parts)-1]) != 8 {
			d.bad = true
		}
	}
	return i
}

type decoder struct {
	b   []byte
	bad bool
}

func (d *decoder) uvarint() uint64 {
	n, l := binary.Uvarint(d.b)
	if l <= 0 {
		d.bad = true
		d.b = nil
		return 0
	}
	d.b = d.b[l:]
	return n
}

func (d *decoder) duration() time.Duration {
	n := d.uvarint()
	if n > math.MaxInt64 {
		d.bad = true
		return 0
	}
	return time.Duration(n)
}

func (d *decoder) varint() int64 {
	n, l := binary.Varint(d.b)
	if l <= 0 {
		d.bad = true
		d.b = nil
		return 0
	}
	d.b = d.b[l:]
	return n
}

func (d *decoder) text() string {
	n := d.uvarint()
	if n > uint64(len(d.b)) {
		d.bad = true
		d.b = nil
		return ""
	}
	s := string(d.b[:n])
	d.b = d.b[n:]
	return s
}
