// Package checksum holds the checksums that lab devices put into their messages,
// by name, and the forms in which they stand there: raw bytes, hexadecimal
// digits, decimal digits. It does no I/O. SPEC.md lists the algorithms with
// their parameters and check values.
//
//	crc, ok := checksum.Lookup("crc16-modbus")
//	...
//	msg = checksum.Append(msg, crc, crc.Sum(msg), checksum.Binary, true, false)
//
//	n := checksum.Width(crc, checksum.Binary)
//	body, tail := msg[:len(msg)-n], msg[len(msg)-n:]
//	want, ok := checksum.Parse(tail, crc, checksum.Binary, true)
//	if !ok || want != crc.Sum(body) {
//		// damaged
//	}
//
// Sum does not allocate; Lookup builds a table once, so look an algorithm up
// when a device is opened, not for each message.
//
// Known limits: CRCs of whole bytes up to 32 bits only; sums over 16-bit words
// and the private checksums of single makers are not here.
package checksum

import (
	"hash/adler32"
	"hash/crc32"
	"sort"
	"strings"
)

// Algorithm is one checksum. The zero value has no bytes and sums to 0; get
// others from Lookup. It is read-only and safe for concurrent use.
type Algorithm struct {
	spec  spec
	table *[256]uint32        // of a CRC
	std   func([]byte) uint32 // where the standard library has it
}

// Lookup returns the algorithm of that name or alias; capitals, '_', '/' and
// blanks do not matter ("CRC-16/MODBUS" is crc16-modbus).
func Lookup(name string) (Algorithm, bool) {
	key := plain(name)
	for i := range specs {
		s := &specs[i]
		if plain(s.name) != key && !isAlias(s.alias, key) {
			continue
		}
		a := Algorithm{spec: *s}
		switch {
		case s.name == "crc32":
			a.std = crc32.ChecksumIEEE
		case s.name == "crc32c":
			t := crc32.MakeTable(crc32.Castagnoli)
			a.std = func(p []byte) uint32 { return crc32.Checksum(p, t) }
		case s.name == "adler32":
			a.std = adler32.Checksum
		case s.kind == crc:
			a.table = newTable(s)
		}
		return a, true
	}
	return Algorithm{}, false
}

// Names returns the names that Lookup knows, sorted, without the aliases.
func Names() []string {
	names := make([]string, len(specs))
	for i := range specs {
		names[i] = specs[i].name
	}
	sort.Strings(names)
	return names
}

// Name returns the algorithm's own name, never an alias.
func (a Algorithm) Name() string { return a.spec.name }

// Aliases returns the other names that Lookup takes.
func (a Algorithm) Aliases() []string { return strings.Fields(a.spec.alias) }

// Size returns the checksum's length in bytes: 1 to 4.
func (a Algorithm) Size() int { return a.spec.size }

// Sum returns the checksum of p.
func (a Algorithm) Sum(p []byte) uint32 {
	if a.std != nil {
		return a.std(p)
	}
	mask := a.mask()
	switch a.spec.kind {
	case crc:
		return a.crc(p)
	case sum:
		var x uint32
		for _, c := range p {
			x += uint32(c)
		}
		return (x*a.spec.init + a.spec.xorOut) & mask
	case xor:
		var x byte
		for _, c := range p {
			x ^= c
		}
		return uint32(x) ^ a.spec.xorOut
	case fletcher:
		lo, hi := uint32(0), uint32(0)
		for _, c := range p {
			lo = (lo + uint32(c)) % 255
			hi = (hi + lo) % 255
		}
		return hi<<8 | lo
	}
	return 0
}

func (a Algorithm) mask() uint32 { return uint32(1<<(8*a.spec.size) - 1) }

// plain is a name without what people write differently.
func plain(name string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r >= 'A' && r <= 'Z':
			return r | 0x20
		case strings.ContainsRune("-_/ .", r):
			return -1
		}
		return r
	}, name)
}

func isAlias(list, key string) bool {
	for _, s := range strings.Fields(list) {
		if plain(s) == key {
			return true
		}
	}
	return false
}
