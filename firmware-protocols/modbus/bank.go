package modbus

import (
	"encoding/binary"
	"fmt"
	"slices"
)

// Access is one request to a Bank.
type Access struct {
	Unit     uint8 // as asked; 0 is a broadcast in RTU
	Function Function
	Table    Table
	At       uint16
	Count    int
	Write    bool
	Values   []uint16 // what a write brings, valid during the call; bits are 0 or 1
}

// Bank is the four tables of one simulated device: the cells it has, with their
// values. An access to any cell it does not have is exception 2. It is not safe
// for concurrent use.
type Bank struct {
	// Before is called when a request is otherwise in order, before a read's
	// values are taken (it may Set them) and before a write's values are stored.
	// Anything but 0 refuses: 4 for a failed device, 6 for a busy one, 1 for a
	// function that this device lacks.
	Before func(Access) Exception
	// After is called when a write's values are stored.
	After func(Access)

	tables [4][]run
}

// run is cells without a hole between them.
type run struct {
	at    int
	cells []uint16
}

// NewBank has the cells of the registers and those in holes of up to gap
// registers (16*gap bits), which a client that joins its reads asks for too.
// All values are zero.
func NewBank(registers []Register, gap int) (*Bank, error) {
	plan, err := Plan(registers, gap, 0)
	if err != nil {
		return nil, err
	}
	b := &Bank{}
	for i := range plan {
		if err := b.Add(plan[i].Table, int(plan[i].At), plan[i].Count); err != nil {
			return nil, err
		}
	}
	return b, nil
}

// Add makes count cells from address at. Cells that are there keep their values.
func (b *Bank) Add(t Table, at, count int) error {
	k := t.index()
	if k < 0 || at < 0 || count < 1 || at+count > 1<<16 {
		return fmt.Errorf("%w: %d cells of table %q from %d", ErrRegister, count, t, at)
	}
	add := run{at, make([]uint16, count)}
	var out []run
	for _, r := range b.tables[k] {
		if r.at > add.at+len(add.cells) || add.at > r.at+len(r.cells) {
			out = append(out, r)
			continue
		}
		from := min(r.at, add.at)
		joined := make([]uint16, max(r.at+len(r.cells), add.at+len(add.cells))-from)
		copy(joined[add.at-from:], add.cells)
		copy(joined[r.at-from:], r.cells)
		add = run{from, joined}
	}
	out = append(out, add)
	slices.SortFunc(out, func(x, y run) int { return x.at - y.at })
	b.tables[k] = out
	return nil
}

// Cells gives the cells themselves, to read and to change; nil if any of them is
// not there.
func (b *Bank) Cells(t Table, at uint16, count int) []uint16 {
	k := t.index()
	if k < 0 || count < 1 {
		return nil
	}
	for _, r := range b.tables[k] {
		if i := int(at) - r.at; i >= 0 && i+count <= len(r.cells) {
			return r.cells[i : i+count]
		}
	}
	return nil
}

// Set stores a value, in any table, by the register's type and scale. The
// register may be one that a client cannot write. Text is refused.
func (b *Bank) Set(r Register, value float64) error {
	c, err := compile(&r)
	if err != nil {
		return err
	}
	cells := b.Cells(r.Table, r.At, c.words)
	if cells == nil {
		return fmt.Errorf("%w %q: the bank has no cells for it", ErrRegister, r.Field)
	}
	if c.kind == kindBit && !r.Table.bits() {
		if value != 0 && value != 1 {
			return fmt.Errorf("%w: %q: %v is neither 0 nor 1", ErrRange, r.Field, value)
		}
		cells[0] = cells[0]&^c.mask() | uint16(value)*c.mask()
		return nil
	}
	if c.kind == kindBit {
		v, err := c.rawOf(r.Field, value)
		if err == nil {
			cells[0] = uint16(v)
		}
		return err
	}
	var wire [maxPDU]byte
	p, err := c.put(wire[:0], r.Field, value)
	for i := range len(p) / 2 {
		cells[i] = binary.BigEndian.Uint16(p[2*i:])
	}
	return err
}

// SetText is Set for text.
func (b *Bank) SetText(r Register, text string) error {
	p, err := textBytes(&r, text)
	if err != nil {
		return err
	}
	cells := b.Cells(r.Table, r.At, len(p)/2)
	if cells == nil {
		return fmt.Errorf("%w %q: the bank has no cells for it", ErrRegister, r.Field)
	}
	for i := range cells {
		cells[i] = binary.BigEndian.Uint16(p[2*i:])
	}
	return nil
}

// Get is a register's value, with false where there is none, as in Read.Extract.
func (b *Bank) Get(r Register) (value float64, ok bool) {
	c, err := compile(&r)
	if err != nil {
		return 0, false
	}
	cells := b.Cells(r.Table, r.At, c.words)
	if cells == nil {
		return 0, false
	}
	if r.Table.bits() {
		return float64(cells[0] & 1), true
	}
	var wire [maxPDU]byte
	p := wire[:0]
	for _, w := range cells {
		p = binary.BigEndian.AppendUint16(p, w)
	}
	return c.value(p)
}
