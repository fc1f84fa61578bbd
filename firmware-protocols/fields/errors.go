package fields

import (
	"errors"
	"fmt"
)

// ErrPart is wrapped by every error of Compile.
var ErrPart = errors.New("fields: part")

// ErrValue is wrapped by every error of Append: the value cannot be written so
// that the device would read what was meant.
var ErrValue = errors.New("fields: cannot print")

// The codes of a PartError.
const (
	CodeEmpty     = "part_empty"      // neither text nor field nor anything else
	CodeMixed     = "part_mixed"      // two of them at once
	CodeKind      = "part_kind"       // unknown kind in as or of
	CodeKey       = "part_key"        // a key that this kind does not take
	CodeMissing   = "part_missing"    // a key that this kind needs
	CodeRange     = "part_range"      // a key's value out of its range
	CodeDuplicate = "part_duplicate"  // two parts, choices or bits that cannot be told apart
	CodeOpen      = "part_open"       // it cannot be told where this part ends
	CodeDefault   = "part_default"    // default or equals is no value of this kind
	CodePattern   = "part_pattern"    // a bad regular expression or layout
	CodeEncoding  = "part_encoding"   // a text that can be read as bytes in two ways
	CodePrint     = "part_print_only" // asked to print what can only be read
)

// PartError is an error of one part: Index is its place in the list, Key the key
// to point at.
type PartError struct {
	Index           int
	Key, Code, Hint string
}

func (e *PartError) Error() string {
	return fmt.Sprintf("%v %d: %s: %s", ErrPart, e.Index+1, e.Key, e.Hint)
}

// Unwrap returns ErrPart.
func (e *PartError) Unwrap() error { return ErrPart }

func bad(key, code, hint string, args ...any) *PartError {
	return &PartError{Key: key, Code: code, Hint: fmt.Sprintf(hint, args...)}
}

// ValueError says why a value was not printed.
type ValueError struct {
	Field  string // "": a part without a name
	Reason string
}

func (e *ValueError) Error() string {
	if e.Field == "" {
		return fmt.Sprintf("%v: %s", ErrValue, e.Reason)
	}
	return fmt.Sprintf("%v %q: %s", ErrValue, e.Field, e.Reason)
}

// Unwrap returns ErrValue.
func (e *ValueError) Unwrap() error { return ErrValue }

func refuse(reason string, args ...any) error {
	return &ValueError{Reason: fmt.Sprintf(reason, args...)}
}
