package scpi

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// ErrReply is wrapped by what the readers of replies return.
var ErrReply = errors.New("scpi: unexpected reply")

// Error is an entry of an instrument's error queue. Codes below zero are those of
// SCPI-1999 volume 2, chapter 21; those above are the maker's.
type Error struct {
	Code int
	Text string
}

func (e Error) Error() string { return fmt.Sprintf("scpi: instrument error %d, %s", e.Code, e.Text) }

// ParseError reads one entry: -113,"Undefined header". It accepts an entry without
// quotes, and without a text.
func ParseError(raw []byte) (Error, error) {
	list, err := appendErrors(nil, Response{Raw: raw})
	if err != nil {
		return Error{}, err
	}
	return list[0], nil
}

// appendErrors reads the entries of a reply: SYST:ERR:ALL? answers several.
func appendErrors(dst []Error, r Response) ([]Error, error) {
	n := len(dst)
	code := true
	for d := range r.Data() {
		switch {
		case code && d.Kind == NR1 && d.Num >= -32768 && d.Num <= 32767:
			dst = append(dst, Error{Code: int(d.Num)})
		case code && len(dst) > n: // a text without quotes that holds a comma
			dst[len(dst)-1].Text += ", " + string(d.Raw)
			continue
		case code:
			return dst[:n], fmt.Errorf("%w: no entry of an error queue: %.80q", ErrReply, r.Raw)
		default:
			if d.Kind != Empty {
				dst[len(dst)-1].Text = string(d.AppendText(nil))
			}
		}
		code = !code
	}
	return dst, nil
}

// MaxErrors is how many entries an ErrorQueue reads by default.
const MaxErrors = 32

// ErrorQueue drains an instrument's error queue. It does no I/O:
//
//	query := q.Begin()
//	for {
//		send(query)
//		again, err := q.Take(receive())
//		if err != nil || !again { break }
//	}
//	// q.Errors(), q.More()
type ErrorQueue struct {
	query  string
	most   int
	errors []Error
	more   bool
}

// NewErrorQueue returns a drain with the query of the options, and at most so many
// entries; 0: MaxErrors. Where the options say that there is no queue, Begin returns
// nothing to send.
func NewErrorQueue(o Options, most int) *ErrorQueue {
	q := &ErrorQueue{query: o.Errors, most: most}
	if q.query == "" {
		q.query = DefaultErrors
	}
	if q.query == NoErrors {
		q.query = ""
	}
	if q.most <= 0 {
		q.most = MaxErrors
	}
	return q
}

// Begin forgets what was read and returns the query to send, without terminator.
func (q *ErrorQueue) Begin() string {
	q.errors, q.more = q.errors[:0], false
	return q.query
}

// Take reads the reply to the query, and says whether to send it again. An entry of
// code 0 ends the drain, and so does a reply of several entries.
func (q *ErrorQueue) Take(r Response) (again bool, err error) {
	if r.Kind != Reply {
		return false, fmt.Errorf("%w: %v message from the error queue", ErrReply, r.Kind)
	}
	n := len(q.errors)
	if q.errors, err = appendErrors(q.errors, r); err != nil {
		return false, err
	}
	read := len(q.errors) - n
	zero := slices.IndexFunc(q.errors[n:], func(e Error) bool { return e.Code == 0 })
	if zero >= 0 {
		q.errors = q.errors[:n+zero]
	}
	if len(q.errors) >= q.most {
		q.more = zero < 0 || len(q.errors) > q.most
		q.errors = q.errors[:q.most]
		return false, nil
	}
	return zero < 0 && read == 1, nil
}

// Errors returns what was read. It is valid until Begin.
func (q *ErrorQueue) Errors() []Error { return q.errors }

// More reports that the queue was not empty after the most entries: an instrument
// that never answers 0, or one that makes errors faster than they are read.
func (q *ErrorQueue) More() bool { return q.more }

// Err returns nil if the queue was empty, else an error that names all entries and
// wraps the first.
func (q *ErrorQueue) Err() error {
	switch len(q.errors) {
	case 0:
		return nil
	case 1:
		return q.errors[0]
	}
	var text strings.Builder
	for _, e := range q.errors[1:] {
		fmt.Fprintf(&text, "; %d, %s", e.Code, e.Text)
	}
	if q.more {
		text.WriteString("; and more")
	}
	return fmt.Errorf("%w%s", q.errors[0], text.String())
}
