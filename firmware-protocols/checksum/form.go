package checksum

// Form is how a checksum stands in a message.
type Form uint8

// The forms.
const (
	Binary  Form = iota // raw bytes
	Hex                 // two digits a byte
	Decimal             // as many digits as the largest sum has, leading zeros
)

func (f Form) String() string {
	names := [...]string{"binary", "hex", "decimal"}
	if int(f) < len(names) {
		return names[f]
	}
	return "unknown"
}

// ParseForm is the reverse of Form.String. The empty text is Binary.
func ParseForm(s string) (Form, bool) {
	switch s {
	case "", "binary":
		return Binary, true
	case "hex":
		return Hex, true
	case "decimal":
		return Decimal, true
	}
	return 0, false
}

// Width returns how many bytes of a message the checksum takes.
func Width(a Algorithm, f Form) int {
	switch f {
	case Hex:
		return 2 * a.spec.size
	case Decimal:
		return [...]int{0, 3, 5, 8, 10}[a.spec.size]
	}
	return a.spec.size
}

// Append appends sum, Width bytes long. little is the order of the bytes, in
// Binary and in Hex; upper is for the digits A to F.
func Append(dst []byte, a Algorithm, sum uint32, f Form, little, upper bool) []byte {
	sum &= a.mask()
	if f == Decimal {
		n := len(dst)
		dst = append(dst, "0000000000"[:Width(a, f)]...)
		for i := len(dst) - 1; i >= n; i-- {
			dst[i] = '0' + byte(sum%10)
			sum /= 10
		}
		return dst
	}
	digits := "0123456789abcdef"
	if upper {
		digits = "0123456789ABCDEF"
	}
	for i := range a.spec.size {
		shift := 8 * (a.spec.size - 1 - i)
		if little {
			shift = 8 * i
		}
		c := byte(sum >> shift)
		if f == Hex {
			dst = append(dst, digits[c>>4], digits[c&15])
		} else {
			dst = append(dst, c)
		}
	}
	return dst
}

// Parse reads the checksum that p is. Binary and Hex take exactly Width bytes,
// digits in any case. Decimal takes up to Width bytes: digits, blanks before
// them allowed, for devices that do not fill up with zeros. It is false for
// anything else, and for a number that the algorithm cannot give.
func Parse(p []byte, a Algorithm, f Form, little bool) (uint32, bool) {
	if len(p) == 0 || len(p) > Width(a, f) || f != Decimal && len(p) != Width(a, f) {
		return 0, false
	}
	var x uint32
	switch f {
	case Binary:
		for _, c := range p {
			x = x<<8 | uint32(c)
		}
	case Hex:
		for _, c := range p {
			d := digit(c)
			if d > 15 {
				return 0, false
			}
			x = x<<4 | uint32(d)
		}
	case Decimal:
		return decimal(p, uint64(a.mask()))
	default:
		return 0, false
	}
	if little {
		y := uint32(0)
		for range a.spec.size {
			y = y<<8 | x&0xFF
			x >>= 8
		}
		x = y
	}
	return x, true
}

func decimal(p []byte, most uint64) (uint32, bool) {
	for len(p) > 1 && p[0] == ' ' {
		p = p[1:]
	}
	var x uint64
	for _, c := range p {
		if c-'0' > 9 {
			return 0, false
		}
		x = x*10 + uint64(c-'0')
	}
	return uint32(x), x <= most
}

func digit(c byte) byte {
	switch {
	case c-'0' <= 9:
		return c - '0'
	case c|0x20 >= 'a' && c|0x20 <= 'f':
		return c | 0x20 - 'a' + 10
	}
	return 255
}
