package scpi

// state is where in a message the cutter stands.
type state uint8

const (
	atStart  state = iota // an element may begin: a quote or # counts here only
	inPlain               // anything else
	inQuote               // a string
	atQuote               // behind a quote, which may be the first of a pair
	atHash                // behind #
	inLength              // digits of a block's length
	inBlock               // bytes of a block
	inRest                // indefinite block: up to the terminator
)

// scanner knows what is a string or a block in a message. The rules are in SPEC.md,
// section 2: a quote or a # counts only where an element may begin.
type scanner struct {
	st                     state
	header                 bool // the unit so far may be a header, behind which an element begins
	plain                  bool // nothing is a string or a block
	quote                  byte
	digits, left, declared int // of a block: length digits to come, bytes to come, its length
}

// step moves on by one byte outside of the bytes of a block.
func (s *scanner) step(b byte) {
	switch s.st {
	case inQuote:
		if b == s.quote {
			s.st = atQuote
		}
		return
	case atQuote:
		if b == s.quote {
			s.st = inQuote
			return
		}
	case atHash:
		switch {
		case b == '0':
			s.st = inRest
			return
		case b-'1' <= 8:
			s.st, s.digits, s.declared = inLength, int(b-'0'), 0
			return
		}
	case inLength:
		if isDigit(b) {
			s.declared = s.declared*10 + int(b-'0')
			if s.digits--; s.digits == 0 {
				s.st, s.left = inBlock, s.declared
			}
			return
		}
	case inRest:
		return
	}
	s.element(b)
}

// element is step where no string or block is open.
func (s *scanner) element(b byte) {
	start := s.st == atStart
	switch {
	case isBlank(b):
		if !start && s.header {
			s.st, s.header = atStart, false
		} else if !start {
			s.st = inPlain
		}
	case b == ';':
		s.st, s.header = atStart, true
	case b == ',':
		s.st, s.header = atStart, false
	case start && !s.plain && (b == '"' || b == '\''):
		s.st, s.quote, s.header = inQuote, b, false
	case start && !s.plain && b == '#':
		s.st, s.header = atHash, false
	case b == '?' && s.header:
		s.st, s.header = atStart, false // an echo, with the reply glued to it
	default:
		s.st = inPlain
		s.header = s.header && (isLetter(b) || isDigit(b) || b == ':' || b == '*' || b == '_')
	}
}

// element returns the length of b up to the separator, strings and blocks passed
// over. header says that b may begin with a header.
func element(b []byte, sep byte, header bool) int {
	s := scanner{header: header}
	for i := 0; i < len(b); i++ {
		s.step(b[i])
		switch {
		case s.st == atStart && b[i] == sep:
			return i
		case s.st == inBlock:
			i += min(s.left, len(b)-1-i)
			s.st = inPlain
		}
	}
	return len(b)
}

func isBlank(b byte) bool  { return b == ' ' || b >= '\t' && b <= '\r' }
func isLetter(b byte) bool { return b|0x20 >= 'a' && b|0x20 <= 'z' }
func isDigit(b byte) bool  { return b-'0' <= 9 }
