package gcode

// kept is how many numbered lines can be sent again.
const kept = 64

// Numbers numbers lines for stages that check them, and keeps the last 64 to be sent
// again: on Resend, send Again(n) for n from Line.Code to Last.
type Numbers struct {
	last  int
	lines [kept][]byte
}

// Append appends the line with the next number and its checksum. The line is given
// without terminator. The stage counts from 1; send M110 N0 after its banner.
func (n *Numbers) Append(dst, line []byte) ([]byte, error) {
	slot := &n.lines[(n.last+1)%kept]
	b, err := AppendNumbered((*slot)[:0], n.last+1, line)
	if err != nil {
		return dst, err
	}
	*slot = b
	n.last++
	return append(dst, b...), nil
}

// Last is the number of the last line.
func (n *Numbers) Last() int { return n.last }

// Again returns a line as it was sent, if it is kept still. It is valid until Append.
func (n *Numbers) Again(number int) (line []byte, ok bool) {
	if number < 1 || number > n.last || number <= n.last-kept {
		return nil, false
	}
	return n.lines[number%kept], true
}

// Reset begins at 1: after the stage's banner.
func (n *Numbers) Reset() { n.last = 0 }
