package record

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"math"
	"strconv"
	"time"

	"labbox/edge/frame"
)

// CSVOptions of an export.
type CSVOptions struct {
	Lang string // of the channels' labels in the comment lines; "" is en
}

// ExportCSV writes a run as CSV: comment lines that start with "# ", one header
// row, one row per sample. A gap has a row of its own in which only the last
// cell is filled: the number of lost samples, or unknown, and the reason. It
// streams: memory does not grow with the run. A run that still records is
// exported as far as it is.
func (s *Store) ExportCSV(ctx context.Context, id string, w io.Writer, opt CSVOptions) error {
	r, err := s.find(id)
	if err != nil {
		return err
	}
	if err := s.drain(ctx); err != nil {
		return err
	}
	run, err := s.snapshot(ctx, r)
	if err != nil {
		return err
	}
	s.mu.Lock()
	win := r.window
	s.mu.Unlock()

	e := &exporter{s: s, run: run, win: win, lang: opt.Lang, w: bufio.NewWriterSize(w, 64<<10), columns: make(map[columnKey]int)}
	if err := e.findColumns(ctx); err != nil {
		return storeError(err)
	}
	e.comments()
	e.headerRow()
	var cur cursor
	err = s.walk(ctx, run.Device, win, &cur, e.item)
	if err != nil {
		return storeError(err)
	}
	if gap, ok := cur.gaps.end(); ok && !cur.past {
		if err := e.gap(gap); err != nil {
			return err
		}
	}
	return e.w.Flush()
}

// drain hands what is buffered to the files, without waiting for the disk to
// sync where the disk is not well.
func (s *Store) drain(ctx context.Context) error {
	if s.faulty() {
		return ctx.Err()
	}
	err := s.Sync(ctx)
	if err != nil && ctx.Err() == nil {
		return nil // export what is there; Health says the rest
	}
	return err
}

type exporter struct {
	s       *Store
	run     Run
	win     window
	lang    string
	w       *bufio.Writer
	columns map[columnKey]int
	order   []column
	row     []byte
	cells   []cell
	vals    [][]float64
}

// columnKey names a column: a channel whose unit changes gets a second one.
type columnKey struct{ id, unit string }

type column struct {
	columnKey
	label string
}

// cell is where a column's value comes from in the present frame.
type cell struct {
	from  int // column of the frame, -1: none
	bits  int
	info  *ChannelInfo
	scale float64
}

func (e *exporter) item(it *item) error {
	switch {
	case it.gap != nil:
		return e.gap(*it.gap)
	case it.hi > it.lo:
		return e.samples(it)
	}
	return nil
}

func (e *exporter) gap(g Gap) error {
	b := e.row[:0]
	for range 3 + len(e.order) {
		b = append(b, ',')
	}
	if g.Lost == frame.LostUnknown {
		b = append(b, "unknown"...)
	} else {
		b = strconv.AppendUint(b, uint64(g.Lost), 10)
	}
	b = append(b, ' ')
	b = append(b, g.Reason...)
	return e.write(b)
}

func (e *exporter) write(b []byte) error {
	e.row = b
	if _, err := e.w.Write(append(b, '\r', '\n')); err != nil {
		return fmt.Errorf("record: write csv: %w", err)
	}
	return nil
}

func (e *exporter) samples(it *item) error {
	v := it.view
	e.prepare(it.head, v)
	h := v.Header()
	for i := it.lo; i < it.hi; i++ {
		b := strconv.AppendUint(e.row[:0], h.Seq+uint64(i), 10)
		b = append(b, ',')
		b = appendSeconds(b, e.win.offset(it.head.Boot, it.head.WallOffset, v.BoxTime(i)))
		b = append(b, ',')
		if us, ok := v.DeviceTime(i); ok {
			b = appendNumber(b, us/1e6, 64)
		}
		for _, c := range e.cells {
			b = append(b, ',')
			if c.from >= 0 {
				b = c.append(b, e.vals[c.from][i])
			}
		}
		if err := e.write(append(b, ',')); err != nil {
			return err
		}
	}
	return nil
}

// prepare decodes the frame's columns and says which goes where.
func (e *exporter) prepare(head *header, v frame.View) {
	n := v.Header().Channels
	for len(e.vals) < n {
		e.vals = append(e.vals, nil)
	}
	e.cells = e.cells[:0]
	for range e.order {
		e.cells = append(e.cells, cell{from: -1})
	}
	for ch := range n {
		e.vals[ch] = v.AppendValues(e.vals[ch][:0], ch)
		info := channel(head, v.Column(ch).Index)
		at, ok := e.columns[columnKey{info.ID, info.Unit}]
		if !ok {
			continue
		}
		c := cell{from: ch, bits: 32, info: info, scale: info.Scale}
		if v.Column(ch).Format == frame.F64 {
			c.bits = 64
		}
		if c.scale == 0 {
			c.scale = 1
		}
		e.cells[at] = c
	}
}

// channel describes the contract's channel i; without a contract it is ch<i>.
func channel(head *header, i uint16) *ChannelInfo {
	if head != nil && int(i) < len(head.Contract.Channels) {
		return &head.Contract.Channels[i]
	}
	return &ChannelInfo{ID: "ch" + strconv.Itoa(int(i)), Scale: 1}
}

// append writes one value: the choice's word for an enumeration, nothing where
// it is missing, else the shortest number that is exact for what was recorded.
func (c cell) append(b []byte, x float64) []byte {
	if math.IsNaN(x) {
		return b
	}
	if c.info.Enum != nil {
		if word, ok := c.info.Enum[int(x)]; ok && x == math.Trunc(x) {
			return appendText(b, word)
		}
	}
	if c.scale != 1 || c.info.Offset != 0 {
		if c.bits == 32 { // the decimal number that the 32 bits stand for
			var buf [32]byte
			if y, err := strconv.ParseFloat(string(strconv.AppendFloat(buf[:0], x, 'g', -1, 32)), 64); err == nil {
				x = y
			}
		}
		x = x*c.scale + c.info.Offset
	}
	return appendNumber(b, x, c.bits)
}

// appendNumber writes x shortest; 32 bits for what was recorded with 32 or less.
func appendNumber(b []byte, x float64, bits int) []byte {
	if math.IsInf(x, 0) {
		if x < 0 {
			b = append(b, '-')
		}
		return append(b, "inf"...)
	}
	format := byte('f')
	if a := math.Abs(x); a != 0 && (a < 1e-6 || a >= 1e15) {
		format = 'g'
	}
	return strconv.AppendFloat(b, x, format, -1, bits)
}

// appendSeconds writes d exactly, without trailing zeros.
func appendSeconds(b []byte, d time.Duration) []byte {
	if d < 0 {
		b = append(b, '-')
		d = -d
	}
	b = strconv.AppendInt(b, int64(d/time.Second), 10)
	rest := int64(d % time.Second)
	if rest == 0 {
		return b
	}
	b = append(b, '.')
	for unit := int64(1e8); rest > 0; unit /= 10 {
		b = append(b, byte('0'+rest/unit))
		rest %= unit
	}
	return b
}
