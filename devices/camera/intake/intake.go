// Package intake reads the pictures of a source that is a stream of bytes, and says why
// there is none any more.
//
//	in := intake.New(stdout, func() { kill() }, intake.Options{Max: 4 << 20, Stall: 5 * time.Second})
//	jpeg, err := in.Next() // an error of source.Lost
//
// Package picture tells how pictures are found in the bytes.
package intake

import (
	"bufio"
	"errors"
	"io"
	"sync/atomic"
	"time"

	"labbox/devices/camera/source"
	"labbox/edge/picture"
)

// DefaultStall is how long a stream may say nothing.
const DefaultStall = 5 * time.Second

// Form is how pictures lie in a stream.
type Form int

// The forms.
const (
	Guess Form = iota // by the first bytes: parts or raw
	Raw               // JPEGs one after another
	Parts             // multipart
)

// Options of an Intake.
type Options struct {
	Max      int // bytes of one picture
	Form     Form
	Boundary string        // of Parts; "": the first line's
	First    time.Duration // until the first byte; 0: Stall
	Stall    time.Duration // without a byte; 0: DefaultStall
}

// Intake takes pictures out of a stream. It is for one goroutine.
type Intake struct {
	r       io.Reader
	o       Options
	pics    *picture.Reader
	timer   *time.Timer // runs within Read
	wait    time.Duration
	stalled atomic.Bool
}

// New reads r. When it says nothing for too long, stop is called, once and from another
// goroutine: it makes a Read that waits return.
func New(r io.Reader, stop func(), o Options) *Intake {
	if o.Stall <= 0 {
		o.Stall = DefaultStall
	}
	if o.First <= 0 {
		o.First = o.Stall
	}
	in := &Intake{r: r, o: o, wait: o.First}
	in.timer = time.AfterFunc(o.First, func() {
		in.stalled.Store(true)
		stop()
	})
	in.timer.Stop()
	return in
}

// Read passes on what comes and watches that something does. The time that its caller
// takes between two calls is not the stream's.
func (in *Intake) Read(b []byte) (int, error) {
	in.timer.Reset(in.wait)
	n, err := in.r.Read(b)
	in.timer.Stop()
	in.wait = in.o.Stall
	return n, err
}

// Next is the next picture, or source.Lost.
func (in *Intake) Next() ([]byte, error) {
	if in.pics == nil {
		if err := in.begin(); err != nil {
			return nil, in.lost(err)
		}
	}
	jpeg, _, err := in.pics.Next()
	if err != nil {
		return nil, in.lost(err)
	}
	return jpeg, nil
}

func (in *Intake) begin() error {
	form, r := in.o.Form, io.Reader(in)
	if form == Guess {
		b := bufio.NewReader(in)
		r = b
		for form == Guess {
			first, err := b.Peek(1)
			if err != nil {
				return err
			}
			switch first[0] {
			case '-':
				form = Parts
			case '\r', '\n':
				_, _ = b.Discard(1)
			default:
				form = Raw
			}
		}
	}
	if form == Parts {
		in.pics = picture.NewParts(r, in.o.Boundary, in.o.Max)
	} else {
		in.pics = picture.NewReader(r, in.o.Max)
	}
	return nil
}

// lost says why the stream gives no picture.
func (in *Intake) lost(err error) error {
	switch {
	case in.stalled.Load():
		return source.Lost(source.Stalled, "nothing came for a while")
	case errors.Is(err, picture.ErrTooLarge):
		return source.Lost(source.TooLarge, "%w", err).WithHint("a smaller picture in the camera's settings, or a larger `max_picture:` in the box file")
	case errors.Is(err, picture.ErrNotJPEG):
		return source.Lost(source.NotJPEG, "%w", err)
	case errors.Is(err, io.ErrUnexpectedEOF):
		return source.Lost(source.Ended, "it ended within a picture")
	case errors.Is(err, io.EOF):
		return source.Lost(source.Ended, "it ended")
	}
	return source.Lost(source.Gone, "%w", err)
}
