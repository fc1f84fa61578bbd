package serial

import (
	"errors"
	"io/fs"

	bugst "go.bug.st/serial"

	"labbox/edge"
)

// errNoModem says that a port has no DTR.
var errNoModem = errors.New("no modem lines")

// errInUse says that another program has the port.
var errInUse = errors.New("in use by another program")

// errNotSerial says that a path is no serial port.
var errNotSerial = errors.New("not a serial port")

// errSettings says that a port is there and cannot be set as asked.
var errSettings = errors.New("settings refused")

// openError turns what kept a port from opening into what a user may see.
func openError(path string, err error) error {
	var coded *edge.Error
	if errors.As(err, &coded) {
		return err
	}
	switch {
	case is(err, bugst.PortBusy) || errors.Is(err, errInUse) || errnoBusy(err):
		return edge.Errorf(edge.CodePortBusy, "open serial port %s: %w", path, err).
			WithHint("close the other program that has it, such as a serial monitor").With("path", path)
	case is(err, bugst.PermissionDenied) || errors.Is(err, fs.ErrPermission):
		return edge.Errorf(edge.CodePortForbidden, "open serial port %s: %w", path, err).
			WithHint("%s", forbiddenHint).With("path", path)
	case errors.Is(err, errSettings), is(err, bugst.InvalidSpeed), is(err, bugst.InvalidDataBits), is(err, bugst.InvalidParity), is(err, bugst.InvalidStopBits):
		return edge.Errorf(edge.CodeBadConfig, "open serial port %s: %w", path, err).
			WithHint("this port cannot be set so").With("path", path)
	case errors.Is(err, errNotSerial):
		return edge.Errorf(edge.CodePortMissing, "open serial port %s: %w", path, err).
			WithHint("`labbox ports` lists the serial ports").With("path", path)
	}
	return edge.Errorf(edge.CodePortMissing, "open serial port %s: %w", path, err).
		WithHint("plug the device in; `labbox ports` lists what is there").With("path", path)
}

// is looks for the library's code. What is inside its "invalid serial port" it
// does not show to errors.As.
func is(err error, code bugst.PortErrorCode) bool {
	var e *bugst.PortError
	return errors.As(err, &e) && e.Code() == code
}
