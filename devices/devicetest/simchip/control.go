package simchip

import (
	"strconv"
	"strings"
	"time"
)

// Path returns the serial port: a symbolic link to a pty that is already in raw mode. It is missing while
// the chip is hung up, and names another pty after each Plug.
func (c *Chip) Path() string { return c.path }

// Now returns the simulated time since Start. A reset does not set it back; Pause stops it.
func (c *Chip) Now() time.Duration {
	c.tb.Helper()
	return c.micros(c.ask("now")[0])
}

// SetADC puts a voltage of 0 to 5000 mV on the analogue input ch (0 to 7). It stays over a reset.
func (c *Chip) SetADC(ch, mV int) {
	c.tb.Helper()
	c.ask("adc %d %d", ch, mV)
}

// SetPin drives an input pin from outside. It stays over a reset.
func (c *Chip) SetPin(port byte, bit int, level bool) {
	c.tb.Helper()
	value := 0
	if level {
		value = 1
	}
	c.ask("set %c %d %d", port, bit, value)
}

// Pin returns the level of a pin (port 'B', 'C' or 'D') and the simulated time of its last change, 0 when it
// never changed. A pin that nobody drives reads low. A pin with hardware PWM changes twice per period.
func (c *Chip) Pin(port byte, bit int) (level bool, at time.Duration) {
	c.tb.Helper()
	fields := c.ask("pin %c %d", port, bit)
	return fields[0] == "1", c.micros(fields[1])
}

// PinChanges returns how often the pin has changed since Start: 0 proves that it was never driven high.
func (c *Chip) PinChanges(port byte, bit int) uint64 {
	c.tb.Helper()
	return c.number(c.ask("pin %c %d", port, bit)[2])
}

// Peek returns a byte of the chip's data memory, registers included, at the address the data sheet gives in
// its load and store column (OCR1AL is 0x88).
func (c *Chip) Peek(addr int) byte {
	c.tb.Helper()
	return byte(c.number(c.ask("peek %d", addr)[0]))
}

// Reset pulls the reset pin: the firmware boots again, all outputs are let go at once.
func (c *Chip) Reset() {
	c.tb.Helper()
	c.ask("reset")
}

// HangUp pulls the USB cable: the pty is closed and Path disappears. The chip keeps its power and runs on;
// call Reset too for a board that is fed by the cable.
func (c *Chip) HangUp() {
	c.tb.Helper()
	c.ask("hangup")
}

// Plug puts the cable back: a new pty at the same Path.
func (c *Chip) Plug() {
	c.tb.Helper()
	c.ask("plug")
}

// Pause stops simulated time: the port stays open but is neither read nor written.
func (c *Chip) Pause() {
	c.tb.Helper()
	c.ask("pause")
}

// Resume ends Pause.
func (c *Chip) Resume() {
	c.tb.Helper()
	c.ask("resume")
}

// RunFor lets a paused chip run for d (to a millisecond, when the firmware sleeps) and pauses it again. Time that
// the test itself takes between two calls is no time of the chip's, so that a starved test cannot miss a deadline
// of the firmware's. Nobody reads the port meanwhile: see [Options].Lossy.
func (c *Chip) RunFor(d time.Duration) {
	c.tb.Helper()
	end := c.micros(c.ask("run %d", d.Microseconds())[0])
	for left := d; left > 0; left = end - c.Now() {
		time.Sleep(left)
	}
	c.Pause() // it is by now, or is about to be
}

// Advance waits until d of simulated time has passed. The chip must not be paused.
func (c *Chip) Advance(d time.Duration) {
	c.tb.Helper()
	end := c.Now() + d
	for left := d; left > 0; left = end - c.Now() {
		time.Sleep(left)
	}
}

// WaitPin waits until the pin has the level and returns the simulated time of that change. The test fails
// when it has not within that much simulated time.
func (c *Chip) WaitPin(port byte, bit int, level bool, within time.Duration) time.Duration {
	c.tb.Helper()
	for end := c.Now() + within; ; time.Sleep(time.Millisecond) {
		now := c.Now() // before the level is read, so that a late look is no failure
		if is, at := c.Pin(port, bit); is == level {
			return at
		}
		if now > end {
			c.tb.Fatalf("simchip: P%c%d is not %v after %v of simulated time", port, bit, level, within)
		}
	}
}

// Stats is a snapshot of the chip's counters, all taken at one moment and counted from Start.
type Stats struct {
	Cycles    uint64        // of the 16 MHz clock
	Simulated time.Duration // the same, as time
	Wall      time.Duration // what it took
	RxBytes   uint64        // handed to the UART
	TxBytes   uint64        // sent by the firmware
	TxLost    uint64        // of these, sent while nobody had the port open, or to a reader that was too slow
	RxLate    uint64        // received bytes that the firmware took so late that a real UART had lost them
	Held      time.Duration // wall time for which simulated time waited for a slow reader
	Open      bool          // somebody has the port open
}

// Stats returns the counters.
func (c *Chip) Stats() Stats {
	c.tb.Helper()
	value := map[string]string{}
	for _, field := range c.ask("stats") {
		name, v, _ := strings.Cut(field, "=")
		value[name] = v
	}
	return Stats{
		Cycles:    c.number(value["cycles"]),
		Simulated: c.micros(value["sim_us"]),
		Wall:      c.micros(value["wall_us"]),
		RxBytes:   c.number(value["rx"]),
		TxBytes:   c.number(value["tx"]),
		TxLost:    c.number(value["tx_lost"]),
		RxLate:    c.number(value["rx_late"]),
		Held:      c.micros(value["held_us"]),
		Open:      value["open"] != "0",
	}
}

func (c *Chip) number(s string) uint64 {
	c.tb.Helper()
	n, err := strconv.ParseUint(s, 10, 64)
	if err != nil {
		c.tb.Fatalf("simchip: %v", err)
	}
	return n
}

func (c *Chip) micros(s string) time.Duration {
	c.tb.Helper()
	return time.Duration(c.number(s)) * time.Microsecond
}
