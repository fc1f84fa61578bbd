// Package simchip runs real microcontroller firmware on a simulated ATmega328P (an Arduino Uno's chip) behind
// a pty, so that a test can drive a true device, read its pins and prove that it is safe.
//
//	chip := simchip.Start(t, simchip.Options{Firmware: "plate", Baud: 9600})
//	port := openSerial(chip.Path())
//	port.Write([]byte("{\"cmd\":\"duty\",\"param\":40}\n"))
//	chip.WaitPin('D', 4, true, time.Second)
//	chip.HangUp() // the cable is pulled: the heater must go off by itself
//	at := chip.WaitPin('D', 4, false, 4*time.Second)
//
// Every duration is the chip's own time. It follows the wall clock, but falls behind it (and never catches
// up) on a loaded machine, and while the reader of an open port is too slow ([Options].Lossy): judge by [Chip.Now], [Chip.Pin] and the times the firmware reports, never by the
// wall clock.
//
// The simulator is a separate program (harness/, on libsimavr, which is GPL-3) that is compiled with the
// firmware into the user's cache directory on first use and is no part of the labbox binary. It needs Linux
// and the Debian packages named in [Packages]; without them Start skips the test, or fails it when
// LABBOX_REQUIRE_PEERS=1.
//
// Known differences from a board on a bench (simavr 1.6): the UART's receive FIFO never overruns
// ([Stats].RxLate counts the bytes a real one would have lost); the ADC has 1023 steps of 5 V where the real
// one has 1024; INT0 and INT1 are never level-triggered. A pty has no modem lines, does not enforce the baud
// rate on the computer's side, and an output flush (TCOFLUSH) leaves up to 4 kB that were already written.
package simchip

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// Packages lists the Debian packages that Start needs.
const Packages = "gcc libc6-dev libsimavr-dev libelf-dev gcc-avr avr-libc binutils-avr"

// answerTimeout is wall time; the harness answers within a millisecond unless it is starved.
const answerTimeout = 30 * time.Second

// Options says what to run.
type Options struct {
	// Firmware is "plate" (the default) or "plotter", built from firmware-protocols/lines/firmware, or the path
	// of an .elf or .hex file for the ATmega328P at 16 MHz.
	Firmware string
	// Baud is compiled into plate and plotter; 0 means 115200. A file has its own.
	Baud int
	// ResetOnOpen resets the chip whenever the port is opened, as an Arduino Uno does.
	ResetOnOpen bool
	// Lossy loses what the chip sends at once when the kernel's buffer (20 kB) is full, as a bench does. Without
	// it simulated time waits for the reader, up to 10 s of wall time, so that a starved test loses nothing.
	Lossy bool
}

// Chip is a running simulated chip. Its methods may be called from several goroutines; like testing.TB's
// Fatal, which they call when the harness is gone, they belong into the test's own goroutine.
type Chip struct {
	tb   testing.TB
	path string
	cmd  *exec.Cmd
	log  string // file with the harness's stderr

	mu     sync.Mutex
	in     io.WriteCloser
	out    *os.File
	lines  *bufio.Reader
	closed bool
}

// Start builds what is needed, starts the chip and stops it when the test ends. The firmware is booting when
// Start returns; what it prints before the port is opened is lost, as it is on a bench.
func Start(tb testing.TB, o Options) *Chip {
	tb.Helper()
	harness, firmware, err := build(tb, o)
	if err != nil {
		refuse(tb, err)
	}
	dir := tb.TempDir()
	c := &Chip{tb: tb, path: filepath.Join(dir, "ttySIM0"), log: filepath.Join(dir, "harness.log")}
	var args []string
	if o.ResetOnOpen {
		args = append(args, "--reset-on-open")
	}
	if o.Lossy {
		args = append(args, "--lossy")
	}
	c.cmd = exec.Command(harness, append(args, firmware, c.path)...)
	if err := c.start(); err != nil {
		tb.Fatalf("simchip: %v", err)
	}
	tb.Cleanup(c.Close)
	if _, err := c.read(); err != nil {
		tb.Fatalf("simchip: the harness did not start: %v\n%s", err, c.stderr())
	}
	return c
}

func (c *Chip) start() error {
	stderr, err := os.Create(c.log)
	if err != nil {
		return err
	}
	defer stderr.Close()
	out, stdout, err := os.Pipe()
	if err != nil {
		return err
	}
	defer stdout.Close()
	c.cmd.Stderr, c.cmd.Stdout = stderr, stdout
	c.out, c.lines = out, bufio.NewReader(out)
	if c.in, err = c.cmd.StdinPipe(); err != nil {
		return err
	}
	if err := c.cmd.Start(); err != nil {
		return err
	}
	prefer(c.cmd.Process.Pid)
	return nil
}

// Close stops the chip and removes its port. It may be called more than once; the test's end calls it.
func (c *Chip) Close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return
	}
	c.closed = true
	c.in.Close() // the harness ends with its stdin
	kill := time.AfterFunc(answerTimeout, func() { _ = c.cmd.Process.Kill() })
	err := c.cmd.Wait()
	kill.Stop()
	c.out.Close()
	if err != nil {
		c.tb.Errorf("simchip: harness: %v\n%s", err, c.stderr())
	}
}

// ask sends one control word and returns the fields of the answer after "ok".
func (c *Chip) ask(format string, args ...any) []string {
	c.tb.Helper()
	word := fmt.Sprintf(format, args...)
	fields, err := c.tell(word)
	if err != nil {
		c.tb.Fatalf("simchip: %s: %v\n%s", word, err, c.stderr())
	}
	return fields
}

func (c *Chip) tell(word string) ([]string, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return nil, os.ErrClosed
	}
	if _, err := io.WriteString(c.in, word+"\n"); err != nil {
		return nil, err
	}
	return c.read()
}

func (c *Chip) read() ([]string, error) {
	if err := c.out.SetReadDeadline(time.Now().Add(answerTimeout)); err != nil {
		return nil, err
	}
	line, err := c.lines.ReadString('\n')
	if err != nil {
		return nil, err
	}
	fields := strings.Fields(line)
	if len(fields) == 0 || fields[0] != "ok" {
		return nil, fmt.Errorf("harness answered %q", line)
	}
	return fields[1:], nil
}

func (c *Chip) stderr() string {
	text, err := os.ReadFile(c.log)
	if err != nil {
		return err.Error()
	}
	return string(text)
}
