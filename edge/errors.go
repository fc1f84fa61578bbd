package edge

import (
	"errors"
	"fmt"
)

// Error is what a user may see: a stable code that clients translate, typed
// arguments for that translation, an English message and a hint that says what
// to do. The cause never leaves the process.
type Error struct {
	Code    Code           `json:"code"`
	Message string         `json:"message"`
	Hint    string         `json:"hint,omitempty"`
	Args    map[string]any `json:"args,omitempty"`

	cause error
}

// Code names one kind of error. Codes are part of the stable surface.
type Code string

// The codes. docs/ref/errors.md explains each; web maps them to HTTP statuses.
const (
	CodeInternal          Code = "internal"           // a fault of labbox itself
	CodeBadRequest        Code = "bad_request"        // not understood
	CodeBadName           Code = "bad_name"           // an id with characters that are not allowed
	CodeTooLarge          Code = "too_large"          // body or message over the limit
	CodeTooMany           Code = "too_many"           // rate limit
	CodeUnknownOp         Code = "unknown_op"         // websocket op nobody knows
	CodeUnknownDevice     Code = "unknown_device"     // no such device on this box
	CodeUnknownChannel    Code = "unknown_channel"    // no such channel on this device
	CodeUnknownCommand    Code = "unknown_command"    // no such command on this device
	CodeUnknownRun        Code = "unknown_run"        // no such run
	CodeUnknownExperiment Code = "unknown_experiment" // no such experiment
	CodeUnknownCamera     Code = "unknown_camera"     // no such camera on this box
	CodeCovered           Code = "covered"            // a teacher has covered the camera
	CodeNoPicture         Code = "no_picture"         // the camera gives no picture; args.why says why
	CodeNotFound          Code = "not_found"          // no such path
	CodeNoSeat            Code = "no_seat"            // sign in with a nickname first
	CodeForbidden         Code = "forbidden"          // the actor's role may not
	CodeBadOrigin         Code = "bad_origin"         // cross-site request
	CodeNoClass           Code = "no_class"           // no class is open, or the code is of none
	CodeClassLocked       Code = "class_locked"       // the teacher lets nobody in
	CodeBadLogin          Code = "bad_login"          // name, password or code are wrong
	CodeNameUsed          Code = "name_used"          // somebody of the list has this name already
	CodeHeld              Code = "held"               // the teacher has frozen the device
	CodeUnknownSeat       Code = "unknown_seat"       // no such seat in this class
	CodeTooLong           Code = "too_long"           // the device has run as long as it may
	CodeNotHolder         Code = "not_holder"         // somebody else drives, or nobody
	CodeLeaseTaken        Code = "lease_taken"        // somebody else drives
	CodeStaleFence        Code = "stale_fence"        // fencing number of an older turn
	CodeLate              Code = "late"               // the command's deadline has passed
	CodeStaleTick         Code = "stale_tick"         // the sender has not heard the owner lately
	CodeDuplicate         Code = "duplicate"          // idempotency key already used with other content
	CodeOutOfRange        Code = "out_of_range"       // value outside the declared limits
	CodeSlew              Code = "slew"               // value changes faster than declared
	CodeRate              Code = "rate"               // commands faster than declared
	CodeBadValue          Code = "bad_value"          // wrong type, NaN, unknown choice
	CodeMissingValue      Code = "missing_value"      // a parameter is not given
	CodeInterlock         Code = "interlock"          // forbidden combination
	CodeStopped           Code = "stopped"            // the emergency stop is latched
	CodeSafing            Code = "safing"             // the safe state is not confirmed yet
	CodeQuarantined       Code = "quarantined"        // the safe state could not be confirmed
	CodeNotReady          Code = "not_ready"          // device absent, booting, stale
	CodeDeviceRefused     Code = "device_refused"     // the device answered with an error
	CodeNoAnswer          Code = "no_answer"          // the device did not answer in time
	CodeUnknownOutcome    Code = "unknown_outcome"    // sent, and nobody knows what came of it
	CodeWriteStuck        Code = "write_stuck"        // the port takes no more bytes
	CodePortMissing       Code = "port_missing"       // no such port
	CodePortBusy          Code = "port_busy"          // another program has it
	CodePortForbidden     Code = "port_forbidden"     // no permission
	CodePortLost          Code = "port_lost"          // unplugged or failed
	CodeGarbage           Code = "garbage"            // bytes that are not of the declared protocol
	CodeLineTooLong       Code = "line_too_long"      // a line over the declared maximum
	CodeContract          Code = "contract"           // device and type file disagree
	CodeBusDown           Code = "bus_down"           // broker not reachable
	CodeStoreDown         Code = "store_down"         // store not reachable
	CodeStoreFull         Code = "store_full"         // disk or quota full
	CodeNameTaken         Code = "name_taken"         // another box of this name is on the broker
	CodeDataLocked        Code = "data_locked"        // another labbox uses the data directory
	CodeBadConfig         Code = "bad_config"         // box file or type file refused
)

// Errorf makes an Error; a wrapped %w cause is kept for logs.
func Errorf(code Code, format string, args ...any) *Error {
	err := fmt.Errorf(format, args...)
	return &Error{Code: code, Message: err.Error(), cause: errors.Unwrap(err)}
}

// WithHint returns e with a hint.
func (e *Error) WithHint(format string, args ...any) *Error {
	c := *e
	c.Hint = fmt.Sprintf(format, args...)
	return &c
}

// With returns e with one argument more.
func (e *Error) With(key string, value any) *Error {
	c := *e
	c.Args = make(map[string]any, len(e.Args)+1)
	for k, v := range e.Args {
		c.Args[k] = v
	}
	c.Args[key] = value
	return &c
}

func (e *Error) Error() string { return e.Message }

func (e *Error) Unwrap() error { return e.cause }

// Is makes errors.Is(err, &Error{Code: c}) compare by code.
func (e *Error) Is(target error) bool {
	t, ok := target.(*Error)
	return ok && t.Code == e.Code && t.Message == ""
}

// AsError returns err as a user may see it: itself when it is or wraps an
// *Error, else an internal error that hides the text. nil stays nil.
func AsError(err error) *Error {
	if err == nil {
		return nil
	}
	var e *Error
	if errors.As(err, &e) {
		return e
	}
	return &Error{Code: CodeInternal, Message: "internal error", Hint: "the box's log says more", cause: err}
}

// CodeOf returns err's code, "" for nil.
func CodeOf(err error) Code {
	if err == nil {
		return ""
	}
	return AsError(err).Code
}
