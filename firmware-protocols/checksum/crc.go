package checksum

import "math/bits"

// crc runs the byte-wise algorithm of Williams, A painless guide to CRC error
// detection algorithms (1993). A register of a CRC that is not reflected stands
// at the top of its 32 bits, so that every width takes the same steps.
func (a Algorithm) crc(p []byte) uint32 {
	s, t := &a.spec, a.table
	if s.reflect {
		x := bits.Reverse32(s.init) >> (32 - 8*s.size)
		for _, c := range p {
			x = x>>8 ^ t[byte(x)^c]
		}
		return x ^ s.xorOut
	}
	shift := 32 - 8*s.size
	x := s.init << shift
	for _, c := range p {
		x = x<<8 ^ t[byte(x>>24)^c]
	}
	return x>>shift ^ s.xorOut
}

func newTable(s *spec) *[256]uint32 {
	var t [256]uint32
	shift := 32 - 8*s.size
	poly := s.poly << shift
	reversed := bits.Reverse32(poly)
	for i := range t {
		if s.reflect {
			x := uint32(i)
			for range 8 {
				x = x>>1 ^ reversed&-(x&1)
			}
			t[i] = x
			continue
		}
		x := uint32(i) << 24
		for range 8 {
			x = x<<1 ^ poly&-(x>>31)
		}
		t[i] = x
	}
	return &t
}
