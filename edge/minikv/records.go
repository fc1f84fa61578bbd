package minikv

import "fmt"

// recordWriter writes a batch as one record or, when it is long, as several.
type recordWriter struct {
	boot uint64
	emit func([]byte) error
	buf  []byte // of the next record, with its head
	head int
	any  bool
}

// pieceSize is the longest piece of a batch in one record. It stays below the
// largest message of the broker.
const pieceSize = 1 << 20

func (w *recordWriter) begin() {
	if w.buf == nil {
		w.buf = beginRecord(make([]byte, 0, 512), w.boot)
		w.head = len(w.buf)
	}
}

func (w *recordWriter) clock(c clockMark) {
	w.begin()
	w.buf = appendClock(w.buf, c)
}

func (w *recordWriter) image(i *image) error {
	w.begin()
	w.buf = appendImage(w.buf, i)
	for len(w.buf)-w.head > pieceSize {
		rest := append([]byte(nil), w.buf[w.head+pieceSize:]...)
		w.buf = w.buf[:w.head+pieceSize]
		if err := w.cut(flagMore); err != nil {
			return err
		}
		w.begin()
		w.buf = append(w.buf, rest...)
	}
	return nil
}

// end writes the last record: from then on the batch counts.
func (w *recordWriter) end() error {
	w.begin()
	return w.cut(0)
}

func (w *recordWriter) cut(flags byte) error {
	if w.any {
		flags |= flagGoesOn
	}
	w.buf[1], w.any = flags, true
	err := w.emit(endRecord(w.buf))
	w.buf = nil
	if err != nil {
		return fmt.Errorf("write the log: %w", err)
	}
	return nil
}
