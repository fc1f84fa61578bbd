package firmata

import "time"

// message is what happens when the computer sends one.
func (d *Device) message(m *Message) {
	modern := d.opt.Major > 2 || d.opt.Minor >= 5
	switch m.Kind {
	case VersionRequest:
		d.out = AppendVersion(d.out, d.opt.Major, d.opt.Minor)
	case FirmwareRequest:
		d.firmware()
	case CapabilityRequest:
		d.out = AppendCapabilities(d.out, d.opt.Pins)
	case MappingRequest:
		d.out = AppendMapping(d.out, d.opt.Pins)
	case PinStateRequest:
		if m.Number < len(d.pins) {
			d.out = AppendPinState(d.out, m.Number, d.pins[m.Number].mode, d.pins[m.Number].value)
		}
	case SystemReset:
		d.reset()
	case SamplingInterval:
		d.sampling = max(time.Duration(m.Value)*time.Millisecond, d.opt.MinSampling)
		d.next = d.now + d.sampling
	case SetPinMode:
		d.setMode(m.Number, m.Mode)
	case ServoConfig:
		d.setMode(m.Number, Servo)
	case ReportAnalog:
		if m.Number < maxPins {
			d.reporting[m.Number] = m.Value != 0
			if m.Value != 0 && d.opt.Minor >= 4 {
				d.analog(m.Number)
			}
		}
	case ReportPort:
		if m.Number*8 < len(d.pins) {
			d.ports[m.Number] = m.Value != 0
			d.reportPort(m.Number, d.opt.Minor >= 4)
		}
	case AnalogValue:
		if m.Number < len(d.pins) {
			if p := &d.pins[m.Number]; p.mode == PWM || p.mode == Servo {
				p.value = m.Value
			}
		}
	case DigitalPort:
		for bit := range 8 {
			if i := m.Number*8 + bit; i < len(d.pins) {
				d.writePort(&d.pins[i], m.Value>>bit&1, modern)
			}
		}
	case SetPinValue:
		if modern && m.Number < len(d.pins) && d.pins[m.Number].mode == Output {
			d.pins[m.Number].value = m.Value & 1
		}
	}
}

// writePort sets an output; an input that is written high gets its pull-up.
func (d *Device) writePort(p *devicePin, bit int, modern bool) {
	switch {
	case p.mode == Output, p.mode == Input && !modern:
		p.value = bit
	case p.mode == Input && bit == 1:
		p.mode, p.value = PullUp, 1
	}
}

// setMode does nothing that the board does not list, but say so where
// StandardFirmata does.
func (d *Device) setMode(number int, m Mode) {
	if number >= len(d.pins) {
		return
	}
	p := &d.pins[number]
	if _, ok := p.Bits(m); !ok {
		if m > I2C {
			d.out = AppendString(d.out, "Unknown pin mode")
		}
		return
	}
	p.mode, p.value = m, 0
	if m == PullUp {
		p.value = 1
	}
	if p.Channel >= 0 {
		d.reporting[p.Channel] = m == Analog
	}
	d.reportPort(number/8, false)
}
