package labwire

import (
	"encoding/binary"
	"math"
)

// samplesHead is the length of what stands before the rows.
const samplesHead = 15

// maxRowBytes is the longest row that an ATmega328P's frame takes.
const maxRowBytes = 88

// missing is the int16 that means no value.
const missing = math.MinInt16

// layout is how a row is cut into values.
type layout struct {
	kinds   []ChannelKind
	row     int // bytes
	columns [][]float64
}

// SetDictionary tells the decoder how rows are made. Until then, or with nil,
// Samples come as bytes.
func (d *Decoder) SetDictionary(dict *Dictionary) {
	d.layout = layout{}
	if dict == nil {
		return
	}
	l := &d.layout
	for i := range dict.Channels {
		l.kinds = append(l.kinds, dict.Channels[i].Kind)
		l.row += dict.Channels[i].Kind.bytes()
	}
	if l.row == 0 {
		return
	}
	rows := (MaxFrame - samplesHead) / l.row
	l.columns = make([][]float64, len(l.kinds))
	for i := range l.columns {
		l.columns[i] = make([]float64, 0, rows)
	}
}

// samples reads a frame of samples into the message.
func (d *Decoder) samples(p []byte) (why string) {
	le := binary.LittleEndian
	if len(p) < samplesHead {
		return "shape"
	}
	rows, data := int(p[14]), p[samplesHead:]
	if rows == 0 || len(data)%rows != 0 || len(data) == 0 {
		return "shape"
	}
	if d.layout.kinds != nil && len(data) != rows*d.layout.row {
		return "layout"
	}
	s := &d.msg.Samples
	d.msg.Kind = KindSamples
	*s = Samples{Safe: p[2]&1 != 0, Epoch: p[3], First: le.Uint32(p[4:]), StepUS: uint32(le.Uint16(p[12:])), Rows: rows, Data: data}
	us := le.Uint32(p[8:])
	d.clock += uint64(us - uint32(d.clock))
	s.TimeUS = d.clock
	d.count(s)
	d.cut(s)
	return ""
}

// Expect says that a stream of that epoch was asked for: its rows are counted from
// the first, and those of other epochs are Stale. Without it the count begins with
// the first frame that comes.
func (d *Decoder) Expect(epoch uint8) {
	d.epoch, d.row, d.rowOK, d.expected = epoch, 0, true, true
}

// count finds the gap before a frame.
func (d *Decoder) count(s *Samples) {
	known := d.rowOK && s.Epoch == d.epoch
	if d.expected && !known {
		s.Stale = true
		return
	}
	lost := s.First - d.row
	switch {
	case !known:
		s.Restart, lost = true, 0
	case int32(lost) < 0: // rows that go back: the same epoch began anew
		s.Restart, lost = true, s.First
	default:
		s.Restart = d.row == 0
	}
	s.LostRows = lost
	d.stats.LostRows += uint64(lost)
	d.row, d.rowOK, d.epoch = s.First+uint32(s.Rows), true, s.Epoch
}

// cut turns rows into columns.
func (d *Decoder) cut(s *Samples) {
	l := &d.layout
	if l.row == 0 {
		return
	}
	at := 0
	for c, kind := range l.kinds {
		col := l.columns[c][:0]
		for p := s.Data[at:]; ; p = p[l.row:] {
			v := math.NaN()
			if kind == F32 {
				v = float64(math.Float32frombits(binary.LittleEndian.Uint32(p)))
			} else if i := int16(binary.LittleEndian.Uint16(p)); i != missing {
				v = float64(i)
			}
			col = append(col, v)
			if len(p) < l.row+kind.bytes() {
				break
			}
		}
		l.columns[c] = col
		at += kind.bytes()
	}
	s.Columns = l.columns
}
