package gcode

// Window is the host's account of the stage's receive buffer: what was sent and not
// answered yet never exceeds its size, so that the stage always has its next line at
// hand and no byte is lost. It does no I/O. Realtime bytes go past it.
type Window struct {
	size       int
	used       int
	lines      []int // lengths, a ring
	head, n    int
	next       uint64
	unexpected uint64
}

// NewWindow returns an empty window of so many bytes, 0: DefaultBuffer.
func NewWindow(size int) *Window {
	if size <= 0 {
		size = DefaultBuffer
	}
	return &Window{size: size, lines: make([]int, size)}
}

// Push takes a line with its terminator if it fits now, and numbers it. A line
// longer than the window never fits: Check refuses it before.
func (w *Window) Push(line []byte) (id uint64, ok bool) {
	if len(line) == 0 || w.used+len(line) > w.size {
		return 0, false
	}
	w.lines[(w.head+w.n)%len(w.lines)] = len(line)
	w.n++
	w.used += len(line)
	w.next++
	return w.next, true
}

// Ok is told of an ok: the oldest line has left the buffer. It returns the line's
// number; expected is false, and counted, where no line was under way.
func (w *Window) Ok() (id uint64, expected bool) {
	if w.n == 0 {
		w.unexpected++
		return 0, false
	}
	w.used -= w.lines[w.head]
	w.head = (w.head + 1) % len(w.lines)
	w.n--
	return w.next - uint64(w.n), true
}

// Error is told of error:N, which answers the oldest line as ok does.
func (w *Window) Error() (id uint64, expected bool) { return w.Ok() }

// Reset forgets all lines under way: after the stage's banner, a reset or a
// reconnect. It returns how many were not answered.
func (w *Window) Reset() (lost int) {
	lost = w.n
	w.used, w.head, w.n = 0, 0, 0
	return lost
}

// Lines returns how many lines are under way, Used their bytes, Free what fits.
func (w *Window) Lines() int { return w.n }

// Used returns the bytes under way.
func (w *Window) Used() int { return w.used }

// Free returns the bytes that fit now.
func (w *Window) Free() int { return w.size - w.used }

// Unexpected counts answers that answered no line: one that the host did not send, or
// whose line came before a reset.
func (w *Window) Unexpected() uint64 { return w.unexpected }
