package sim

// lineBuffer gathers the bytes of one command. What exceeds it is lost, as on
// a board with little memory: the line then is what fitted.
type lineBuffer struct {
	size int
	buf  []byte
}

func (l *lineBuffer) reset() { l.buf = l.buf[:0] }

// feed calls line for each line that ends in b, without its line end.
func (l *lineBuffer) feed(b []byte, line func([]byte)) {
	for _, c := range b {
		if c == '\n' {
			line(l.buf)
			l.buf = l.buf[:0]
		} else if len(l.buf) < l.size {
			l.buf = append(l.buf, c)
		}
	}
}
