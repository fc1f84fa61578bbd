package modbus

import (
	"fmt"
	"math"
	"time"
)

// Table is one of the four tables of a Modbus device.
type Table string

// The tables.
const (
	Coil     Table = "coil"     // bits, read and write: functions 1, 5, 15
	Discrete Table = "discrete" // bits, read only: function 2
	Holding  Table = "holding"  // registers, read and write: functions 3, 6, 16
	Input    Table = "input"    // registers, read only: function 4
)

func (t Table) bits() bool { return t == Coil || t == Discrete }

// index is the table's place, also that of its read function; -1 for no table.
func (t Table) index() int {
	switch t {
	case Coil:
		return 0
	case Discrete:
		return 1
	case Holding:
		return 2
	case Input:
		return 3
	}
	return -1
}

// Type is how registers hold a value.
type Type string

// The types.
const (
	U16  Type = "u16"  // the default in holding and input
	I16  Type = "i16"  // two's complement
	U32  Type = "u32"  // 2 registers
	I32  Type = "i32"  // 2 registers
	U64  Type = "u64"  // 4 registers; exact up to 2^53
	I64  Type = "i64"  // 4 registers; exact up to 2^53
	F32  Type = "f32"  // IEEE 754, 2 registers
	F64  Type = "f64"  // IEEE 754, 4 registers
	Bit  Type = "bit"  // a coil, a discrete input, or one bit of a register
	BCD  Type = "bcd"  // 4 decimal digits a register, 1 to 3 registers
	Text Type = "text" // ASCII, 2 characters a register
)

// Order says what comes first.
type Order string

// The orders.
const (
	Big    Order = "big"    // the most significant first: the default
	Little Order = "little" // the least significant first
)

// WriteMode says by which function a register is written.
type WriteMode string

// The ways to write. By default a value of one register or coil is written
// alone with function 5 or 6, and with its neighbours with function 15 or 16.
const (
	WriteSingle   WriteMode = "single"   // function 5 or 6 always
	WriteMultiple WriteMode = "multiple" // function 15 or 16 always
)

// Register is one value in a device's tables.
type Register struct {
	// Field is the name under which the value is known to channels and commands.
	Field string `yaml:"field"`
	// Table is coil, discrete, holding or input.
	Table Table `yaml:"table"`
	// At is the address of the first register or bit, counted from 0 as on the
	// wire: what manuals call 40001 is holding 0, 30001 is input 0.
	At uint16 `yaml:"at"`
	// As is the type: u16 (default), i16, u32, i32, u64, i64, f32, f64, bit (the
	// only one of coil and discrete), bcd or text.
	As Type `yaml:"as"`
	// Length is the number of registers of a bcd (default 1, at most 3) or a text.
	Length int `yaml:"length"`
	// Scale is the worth of one raw unit: value = raw*scale + offset. Default 1.
	Scale float64 `yaml:"scale"`
	// Offset is the value at raw 0.
	Offset float64 `yaml:"offset"`
	// Bit is which bit of a register is meant, with as: bit; 0 is the lowest.
	Bit uint8 `yaml:"bit"`
	// Missing is the raw integer by which the device says that it has no value,
	// such as 0x7FFF for an open thermocouple.
	Missing *int64 `yaml:"missing"`
	// WordOrder is which 16-bit word of a longer value comes first: big or little.
	WordOrder Order `yaml:"word_order"`
	// ByteOrder is which byte inside a register comes first: big, or little where
	// the device breaks the standard.
	ByteOrder Order `yaml:"byte_order"`
	// Every is how often it is read; default is the protocol's poll.
	Every time.Duration `yaml:"every"`
	// Write is single (functions 5, 6) or multiple (15, 16), where the device
	// obeys only one of them.
	Write WriteMode `yaml:"write"`
}

// WithOrder returns a copy of registers where those that say nothing of word or
// byte order have these.
func WithOrder(registers []Register, word, byteOrder Order) []Register {
	out := append([]Register(nil), registers...)
	for i := range out {
		if out[i].WordOrder == "" {
			out[i].WordOrder = word
		}
		if out[i].ByteOrder == "" {
			out[i].ByteOrder = byteOrder
		}
	}
	return out
}

// Check says what is wrong with a register. Errors wrap ErrRegister.
func (r *Register) Check() error {
	_, err := compile(r)
	return err
}

// Words is how many registers, or bits of a bit table, the value takes.
func (r *Register) Words() int {
	c, err := compile(r)
	if err != nil {
		return 0
	}
	return c.words
}

// compile checks r and works out how its value is read and written.
func compile(r *Register) (codec, error) {
	bad := func(format string, args ...any) (codec, error) {
		return codec{}, fmt.Errorf("%w %q: %s", ErrRegister, r.Field, fmt.Sprintf(format, args...))
	}
	if r.Table.index() < 0 {
		return bad("table %q is none of coil, discrete, holding, input", r.Table)
	}
	as := r.As
	if as == "" && r.Table.bits() {
		as = Bit
	} else if as == "" {
		as = U16
	}
	c, ok := codecOf(as)
	if !ok {
		return bad("as %q is none of u16, i16, u32, i32, u64, i64, f32, f64, bit, bcd, text", r.As)
	}
	if r.Length != 0 {
		most := map[kind]int{kindBCD: 3, kindText: MaxReadRegisters}[c.kind]
		if r.Length < 1 || r.Length > most {
			return bad("length %d does not fit as: %s", r.Length, as)
		}
		c.words = r.Length
	} else if c.kind == kindText {
		return bad("a text needs its length in registers")
	}
	integer := c.kind < kindF32 || c.kind == kindBCD
	switch {
	case r.Table.bits() && c.kind != kindBit:
		return bad("a %s is a bit, not %s", r.Table, as)
	case int(r.At)+c.words > 1<<16:
		return bad("%d registers from %d go beyond 65535", c.words, r.At)
	case r.Bit > 15:
		return bad("bit %d, at most 15", r.Bit)
	case r.Bit != 0 && (c.kind != kindBit || r.Table.bits()):
		return bad("bit: is for as: bit in a register")
	case !order(r.WordOrder) || !order(r.ByteOrder):
		return bad("order %q, %q: neither big nor little", r.WordOrder, r.ByteOrder)
	case r.Write != "" && r.Write != WriteSingle && r.Write != WriteMultiple:
		return bad("write %q is neither single nor multiple", r.Write)
	case r.Write != "" && (r.Table == Discrete || r.Table == Input):
		return bad("a register of table %s cannot be written", r.Table)
	case r.Write == WriteSingle && c.words != 1:
		return bad("write: single writes one register, this one has %d", c.words)
	case r.Every < 0:
		return bad("every %v is negative", r.Every)
	case math.IsNaN(r.Scale) || math.IsInf(r.Scale, 0) || math.IsNaN(r.Offset) || math.IsInf(r.Offset, 0):
		return bad("scale %v, offset %v: not finite", r.Scale, r.Offset)
	case (r.Scale != 0 || r.Offset != 0) && (c.kind == kindBit || c.kind == kindText):
		return bad("as %s takes no scale and no offset", as)
	case r.Missing != nil && !integer:
		return bad("missing: is for integers")
	}
	c.bit = r.Bit
	c.littleWords, c.littleBytes = r.WordOrder == Little, r.ByteOrder == Little
	c.scale, c.offset = r.Scale, r.Offset
	if c.scale == 0 {
		c.scale = 1
	}
	// 3 * 0.1 is 0.30000000000000004, but 3 / 10 is 0.3.
	if inv := math.Round(1 / c.scale); inv > 1 && inv < 1e15 && 1/inv == c.scale {
		c.div = inv
	}
	if r.Missing != nil {
		c.missing, c.hasMissing = *r.Missing, true
	}
	return c, nil
}

func order(o Order) bool { return o == "" || o == Big || o == Little }
