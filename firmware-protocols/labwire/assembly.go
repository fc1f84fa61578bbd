package labwire

import "fmt"

// Assembly joins the chunks of a dictionary. Chunks may come in any order, twice,
// or not at all: Missing says from where to ask again.
type Assembly struct {
	text []byte
	have []bool
	left int
	crc  uint32
}

// NewAssembly waits for the dictionary that a Hello has named.
func NewAssembly(h Hello) (*Assembly, error) {
	if h.DictionaryLen == 0 || h.DictionaryLen > MaxDictionary {
		return nil, fmt.Errorf("%w: the device says it has %d bytes, at most %d", ErrDictionary, h.DictionaryLen, MaxDictionary)
	}
	n := h.DictionaryLen
	return &Assembly{text: make([]byte, n), have: make([]bool, n), left: n, crc: h.DictionaryCRC}, nil
}

// Add takes a chunk; done when all are there.
func (a *Assembly) Add(c Chunk) (done bool, err error) {
	if c.Offset < 0 || c.Offset+len(c.Data) > len(a.text) {
		return false, fmt.Errorf("%w: a chunk behind its end", ErrDictionary)
	}
	copy(a.text[c.Offset:], c.Data)
	for i := c.Offset; i < c.Offset+len(c.Data); i++ {
		if !a.have[i] {
			a.have[i] = true
			a.left--
		}
	}
	return a.left == 0, nil
}

// Missing returns the first byte that has not come; ok is false when all have.
func (a *Assembly) Missing() (offset uint16, ok bool) {
	for i, have := range a.have {
		if !have {
			return uint16(i), true
		}
	}
	return 0, false
}

// Dictionary checks the whole against the Hello's CRC and reads it.
func (a *Assembly) Dictionary() (*Dictionary, error) {
	if a.left > 0 {
		return nil, fmt.Errorf("%w: %d bytes have not come", ErrDictionary, a.left)
	}
	if CRC(a.text) != a.crc {
		return nil, fmt.Errorf("%w: its checksum is not the one of the hello", ErrDictionary)
	}
	return ParseDictionary(a.text)
}

// Text returns the dictionary's bytes once all are there.
func (a *Assembly) Text() []byte { return a.text }
