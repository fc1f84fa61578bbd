package modbus

import (
	"cmp"
	"fmt"
	"slices"
	"time"
)

// Read is one planned request, with the registers that its answer holds.
type Read struct {
	Table Table
	At    uint16
	Count int           // registers or bits
	Every time.Duration // of all its registers; 0: the protocol's poll

	items []item
	text  []byte
}

// item is one register inside a Read.
type item struct {
	index int // in the registers of Plan
	from  int // registers or bits behind the Read's address
	codec codec
}

// Plan groups registers into few reads, in order of table, Every and address. Two
// are joined over a hole of at most gap registers that nobody asked for; with 0
// no other register is ever touched. A read is at most `most` registers long
// (0: 125). For bits, gap and most count 16 bits each, up to 2000. Errors wrap
// ErrRegister.
func Plan(registers []Register, gap, most int) ([]Read, error) {
	if most == 0 {
		most = MaxReadRegisters
	}
	if most < 1 || most > MaxReadRegisters || gap < 0 {
		return nil, fmt.Errorf("%w: gap %d, most %d: must be 0 or more, and 1 to %d", ErrRegister, gap, most, MaxReadRegisters)
	}
	items := make([]item, len(registers))
	for i := range registers {
		r := &registers[i]
		c, err := compile(r)
		if err != nil {
			return nil, err
		}
		if !r.Table.bits() && c.words > most {
			return nil, fmt.Errorf("%w %q: %d registers, a read has at most %d", ErrRegister, r.Field, c.words, most)
		}
		items[i] = item{index: i, codec: c}
	}
	slices.SortStableFunc(items, func(x, y item) int {
		a, b := &registers[x.index], &registers[y.index]
		return cmp.Or(cmp.Compare(a.Table.index(), b.Table.index()), cmp.Compare(a.Every, b.Every), cmp.Compare(a.At, b.At))
	})
	var plan []Read
	for _, it := range items {
		r := &registers[it.index]
		g, m := gap, most
		if r.Table.bits() {
			g, m = 16*gap, min(16*most, MaxReadBits)
		}
		if n := len(plan) - 1; n >= 0 {
			p := &plan[n]
			it.from = int(r.At) - int(p.At)
			count := max(p.Count, it.from+it.codec.words)
			if p.Table == r.Table && p.Every == r.Every && it.from <= p.Count+g && count <= m {
				p.Count = count
				p.items = append(p.items, it)
				continue
			}
		}
		it.from = 0
		plan = append(plan, Read{Table: r.Table, At: r.At, Count: it.codec.words, Every: r.Every, items: []item{it}})
	}
	return plan, nil
}

// Request is the request for r.
func (r *Read) Request(unit uint8) Request {
	f := ReadCoils
	switch r.Table {
	case Discrete:
		f = ReadDiscreteInputs
	case Holding:
		f = ReadHoldingRegisters
	case Input:
		f = ReadInputRegisters
	}
	return Request{Unit: unit, Function: f, Address: r.At, Count: uint16(r.Count)}
}

// Indices are the places, in the registers of Plan, of what r reads: those that
// have no value when it fails.
func (r *Read) Indices() []int {
	out := make([]int, len(r.items))
	for k := range r.items {
		out[k] = r.items[k].index
	}
	return out
}

func (r *Read) size(data []byte) error {
	n := 2 * r.Count
	if r.Table.bits() {
		n = (r.Count + 7) / 8
	}
	if len(data) != n {
		return fmt.Errorf("%w: %d bytes of values for %d of table %s, must be %d", ErrLength, len(data), r.Count, r.Table, n)
	}
	return nil
}

// Extract calls emit for each register but texts, in order of address. i is its
// place in the registers of Plan. ok is false where the device gave no value:
// NaN, a bcd with a digit over 9, and what the register declares missing; value
// is then NaN. data is that of a Reply.
func (r *Read) Extract(data []byte, emit func(i int, value float64, ok bool)) error {
	if err := r.size(data); err != nil {
		return err
	}
	for k := range r.items {
		it := &r.items[k]
		switch {
		case r.Table.bits():
			emit(it.index, float64(data[it.from/8]>>(it.from%8)&1), true)
		case it.codec.kind != kindText:
			v, ok := it.codec.value(data[2*it.from:])
			emit(it.index, v, ok)
		}
	}
	return nil
}

// ExtractText is Extract for texts. What follows a NUL, and blanks at the end,
// are cut off. text may hold any bytes, and is valid during the call only.
func (r *Read) ExtractText(data []byte, emit func(i int, text []byte)) error {
	if err := r.size(data); err != nil {
		return err
	}
	for k := range r.items {
		it := &r.items[k]
		if it.codec.kind != kindText {
			continue
		}
		r.text = it.codec.text(r.text[:0], data[2*it.from:])
		emit(it.index, r.text)
	}
	return nil
}
