package capture

import (
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"labbox/devices/transport"
)

// Writer writes a capture. It is safe for concurrent use.
type Writer struct {
	mu   sync.Mutex
	w    io.Writer
	buf  []byte
	err  error
	last time.Duration
	n    uint64
}

// NewWriter writes the header.
func NewWriter(w io.Writer, h Header) (*Writer, error) {
	text := magic + "\n"
	for _, kv := range [][2]string{{"type", h.Type}, {"hash", h.Hash}, {"port", h.Port}} {
		if kv[1] != "" {
			text += "# " + kv[0] + ": " + oneLine(kv[1]) + "\n"
		}
	}
	if h.Baud > 0 {
		text += fmt.Sprintf("# baud: %d\n", h.Baud)
	}
	if !h.Date.IsZero() {
		text += "# date: " + h.Date.UTC().Format(time.RFC3339) + "\n"
	}
	if _, err := io.WriteString(w, text); err != nil {
		return nil, err
	}
	return &Writer{w: w}, nil
}

// oneLine keeps a name from becoming a line of its own.
func oneLine(s string) string {
	b := []byte(s)
	for i, c := range b {
		if c < ' ' || c == 0x7f {
			b[i] = ' '
		}
	}
	return string(b)
}

// Add writes a chunk, in one write. After an error it writes nothing any more.
func (w *Writer) Add(c Chunk) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if c.At < w.last { // two goroutines looked at the clock
		c.At = w.last
	}
	w.last = c.At
	for data := c.Data; len(data) > 0 && w.err == nil; {
		c.Data = data[:min(len(data), MaxChunk)]
		data = data[len(c.Data):]
		w.buf = AppendLine(w.buf[:0], c)
		_, w.err = w.w.Write(w.buf)
		w.n += uint64(len(c.Data))
	}
	return w.err
}

// Bytes is how many bytes were added.
func (w *Writer) Bytes() uint64 {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.n
}

// Sync has the system put on the disk what was added, where w can (*os.File).
func (w *Writer) Sync() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if f, ok := w.w.(interface{ Sync() error }); ok && w.err == nil {
		return f.Sync()
	}
	return w.err
}

// Tap returns port with everything that comes and goes noted, in the goroutines
// that receive and send. The chunk's data is valid during the call.
func Tap(port transport.Port, now func() time.Duration, note func(Chunk)) transport.Port {
	return &tap{Port: port, now: now, note: note}
}

type tap struct {
	transport.Port
	now      func() time.Duration
	note     func(Chunk)
	messages atomic.Bool // a whole message was received: the kind of what is sent matters
}

// Receive implements transport.Port.
func (t *tap) Receive(p []byte) (int, transport.Kind, error) {
	n, kind, err := t.Port.Receive(p)
	if n > 0 {
		if kind != transport.Stream {
			t.messages.Store(true)
		}
		t.note(Chunk{At: t.now(), Kind: kind, Data: p[:n]})
	}
	return n, kind, err
}

// Send implements transport.Port. What fails may have gone out in part; it is
// noted all the same.
func (t *tap) Send(p []byte, given transport.Kind) error {
	kind := given
	if !t.messages.Load() {
		kind = transport.Stream
	}
	t.note(Chunk{At: t.now(), Sent: true, Kind: kind, Data: p})
	return t.Port.Send(p, given)
}
