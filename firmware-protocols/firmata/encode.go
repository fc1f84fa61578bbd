package firmata

// The Append functions write one message each. Numbers and values are cut to the
// bits that the message has; [Session] and [Device] check before.

// AppendDigitalPort writes the 8 pins of a port (0 to 15).
func AppendDigitalPort(dst []byte, port, pins int) []byte {
	return append(dst, cmdDigital|byte(port&0x0F), byte(pins&0x7F), byte(pins>>7&1))
}

// AppendAnalog writes a channel's (to a board: a pin's) value of up to 28 bits,
// as an extended message where the number is over 15 or the value over 14 bits.
func AppendAnalog(dst []byte, number, value int) []byte {
	if number <= 15 && value < 1<<14 {
		return append14(append(dst, cmdAnalog|byte(number)), value)
	}
	return appendGroups(append(dst, cmdSysex, sysexAnalog, byte(number&0x7F)), value)
}

// appendGroups ends a sysex message with a value in at least two 7-bit groups.
func appendGroups(dst []byte, value int) []byte {
	dst = append14(dst, value)
	for value >>= 14; value > 0; value >>= 7 {
		dst = append(dst, byte(value&0x7F))
	}
	return append(dst, cmdEnd)
}

// AppendReportAnalog switches the reports of an analog channel; over 15 it takes a
// board that speaks 2.7.
func AppendReportAnalog(dst []byte, channel int, on bool) []byte {
	if channel <= 15 {
		return append(dst, cmdReportAnalog|byte(channel), onOff(on))
	}
	return append(dst, cmdSysex, sysexReportAnalog, byte(channel&0x7F), onOff(on), cmdEnd)
}

// AppendReportPort switches the reports of a digital port (0 to 15).
func AppendReportPort(dst []byte, port int, on bool) []byte {
	return append(dst, cmdReportPort|byte(port&0x0F), onOff(on))
}

// AppendPinMode sets a pin's mode.
func AppendPinMode(dst []byte, pin int, m Mode) []byte {
	return append(dst, cmdPinMode, byte(pin&0x7F), byte(m&0x7F))
}

// AppendPinValue sets one output pin; 2.5 and later.
func AppendPinValue(dst []byte, pin int, high bool) []byte {
	return append(dst, cmdPinValue, byte(pin&0x7F), onOff(high))
}

// AppendVersionRequest asks for the protocol's version.
func AppendVersionRequest(dst []byte) []byte { return append(dst, cmdVersion) }

// AppendVersion reports the protocol's version.
func AppendVersion(dst []byte, major, minor int) []byte {
	return append(dst, cmdVersion, byte(major&0x7F), byte(minor&0x7F))
}

// AppendReset writes a system reset: all pins as after boot, all reports off.
func AppendReset(dst []byte) []byte { return append(dst, cmdReset) }

// AppendFirmwareRequest asks for the firmware's name.
func AppendFirmwareRequest(dst []byte) []byte { return append(dst, cmdSysex, sysexFirmware, cmdEnd) }

// AppendFirmware reports the firmware's version and name.
func AppendFirmware(dst []byte, major, minor int, name string) []byte {
	dst = append(dst, cmdSysex, sysexFirmware, byte(major&0x7F), byte(minor&0x7F))
	return append(appendPairs(dst, name), cmdEnd)
}

func appendPairs(dst []byte, s string) []byte {
	for i := range len(s) {
		dst = append14(dst, int(s[i]))
	}
	return dst
}

// AppendCapabilityRequest asks what the pins can.
func AppendCapabilityRequest(dst []byte) []byte {
	return append(dst, cmdSysex, sysexCapabilityAsk, cmdEnd)
}

// AppendMappingRequest asks which pins are which analog channels.
func AppendMappingRequest(dst []byte) []byte {
	return append(dst, cmdSysex, sysexMappingQuery, cmdEnd)
}

// AppendPinStateRequest asks for a pin's mode and what was last written to it.
func AppendPinStateRequest(dst []byte, pin int) []byte {
	return append(dst, cmdSysex, sysexPinStateQuery, byte(pin&0x7F), cmdEnd)
}

// AppendPinState reports a pin's mode and what was last written to it.
func AppendPinState(dst []byte, pin int, m Mode, value int) []byte {
	dst = append(dst, cmdSysex, sysexPinState, byte(pin&0x7F), byte(m&0x7F), byte(value&0x7F))
	for value >>= 7; value > 0; value >>= 7 {
		dst = append(dst, byte(value&0x7F))
	}
	return append(dst, cmdEnd)
}

// AppendString writes a text. What would be over MaxRequest is cut off.
func AppendString(dst []byte, s string) []byte {
	dst = append(dst, cmdSysex, sysexString)
	return append(appendPairs(dst, s[:min(len(s), (MaxRequest-1)/2)]), cmdEnd)
}

// AppendSampling sets how often analog values are reported, 1 to 16383 ms.
func AppendSampling(dst []byte, ms int) []byte {
	return append(append14(append(dst, cmdSysex, sysexSampling), ms), cmdEnd)
}

// AppendServoConfig sets the pulse lengths of 0 and 180 degrees, in microseconds.
func AppendServoConfig(dst []byte, pin, minMicros, maxMicros int) []byte {
	dst = append14(append(dst, cmdSysex, sysexServo, byte(pin&0x7F)), minMicros)
	return append(append14(dst, maxMicros), cmdEnd)
}

// AppendUnknown writes any sysex message; bit 7 of each byte is cleared.
func AppendUnknown(dst []byte, command byte, data []byte) []byte {
	dst = append(dst, cmdSysex, command&0x7F)
	for _, c := range data {
		dst = append(dst, c&0x7F)
	}
	return append(dst, cmdEnd)
}

func onOff(on bool) byte {
	if on {
		return 1
	}
	return 0
}
