package modbus

import (
	"errors"
	"fmt"
	"strconv"
)

// Mode is how a PDU travels.
type Mode uint8

// The modes. RTU frames may travel over TCP too, through a serial server.
const (
	RTU Mode = iota // unit, PDU, CRC-16
	TCP             // MBAP header, PDU
)

func (m Mode) String() string {
	if m == TCP {
		return "tcp"
	}
	return "rtu"
}

// ParseMode is the reverse of Mode.String.
func ParseMode(s string) (Mode, error) {
	switch s {
	case "rtu":
		return RTU, nil
	case "tcp":
		return TCP, nil
	}
	return 0, fmt.Errorf("modbus: mode %q is neither rtu nor tcp", s)
}

// Errors that are wrapped by what this package returns.
var (
	ErrRequest  = errors.New("modbus: bad request")
	ErrMismatch = errors.New("modbus: reply does not belong to the request")
	ErrLength   = errors.New("modbus: reply of the wrong length")
	ErrRegister = errors.New("modbus: bad register")
	ErrRange    = errors.New("modbus: value out of range")
)

// Limits of the specification.
const (
	MaxReadBits       = 2000
	MaxReadRegisters  = 125
	MaxWriteBits      = 1968
	MaxWriteRegisters = 123
	MaxUnit           = 247 // of RTU; 0 is broadcast

	maxPDU = 253
	maxRTU = 256
	maxTCP = 260
	mbap   = 7      // bytes before a PDU in TCP
	refuse = 0x80   // bit of the function in an exception reply
	coilOn = 0xff00 // in function 5
)

// Function is a function code.
type Function uint8

// The functions that are spoken.
const (
	ReadCoils              Function = 1
	ReadDiscreteInputs     Function = 2
	ReadHoldingRegisters   Function = 3
	ReadInputRegisters     Function = 4
	WriteSingleCoil        Function = 5
	WriteSingleRegister    Function = 6
	WriteMultipleCoils     Function = 15
	WriteMultipleRegisters Function = 16
)

func (f Function) String() string {
	switch f {
	case ReadCoils:
		return "read coils"
	case ReadDiscreteInputs:
		return "read discrete inputs"
	case ReadHoldingRegisters:
		return "read holding registers"
	case ReadInputRegisters:
		return "read input registers"
	case WriteSingleCoil:
		return "write single coil"
	case WriteSingleRegister:
		return "write single register"
	case WriteMultipleCoils:
		return "write multiple coils"
	case WriteMultipleRegisters:
		return "write multiple registers"
	}
	return "function " + strconv.Itoa(int(f))
}

// IsRead reports whether f is one of functions 1 to 4.
func (f Function) IsRead() bool { return f >= ReadCoils && f <= ReadInputRegisters }

func (f Function) known() bool {
	return f >= ReadCoils && f <= WriteSingleRegister || f == WriteMultipleCoils || f == WriteMultipleRegisters
}

// Exception is the code in an exception reply; 0 is none. It is an error.
type Exception uint8

// The exception codes of the specification.
const (
	IllegalFunction         Exception = 1
	IllegalDataAddress      Exception = 2
	IllegalDataValue        Exception = 3
	ServerDeviceFailure     Exception = 4
	Acknowledge             Exception = 5 // accepted, takes long: poll later
	ServerDeviceBusy        Exception = 6 // try again
	MemoryParityError       Exception = 8
	GatewayPathUnavailable  Exception = 10
	GatewayTargetNoResponse Exception = 11
)

// Name is the exception's name, "unknown exception" for codes of no standard.
func (e Exception) Name() string {
	names := [...]string{"none", "illegal function", "illegal data address", "illegal data value", "server device failure",
		"acknowledge", "server device busy", "", "memory parity error", "", "gateway path unavailable",
		"gateway target device failed to respond"}
	if int(e) < len(names) && names[e] != "" {
		return names[e]
	}
	return "unknown exception"
}

func (e Exception) Error() string {
	return fmt.Sprintf("modbus: exception %d (%s)", uint8(e), e.Name())
}
