package simchip

import (
	"errors"
	"io/fs"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"
)

// silence is how long the plate bears a silent host while it heats or blows.
const silence = 3000 * time.Millisecond

// checkSilence: the tick that runs the watchdog and the time of the command each add less than a millisecond.
func checkSilence(t *testing.T, what string, got time.Duration) {
	t.Helper()
	if got < silence || got > silence+2*time.Millisecond {
		t.Errorf("%s: the outputs fell after %v, want %v to 2 ms more", what, got, silence)
	}
}

func TestPlateGoesSafeByItselfWhenTheHostIsSilent(t *testing.T) {
	t.Parallel()
	c := Start(t, Options{})
	p := dial(t, c)
	p.reboot(c)
	c.Pause()
	for _, x := range []struct {
		name, command string
		bit           int
	}{{"heater", "duty", heater}, {"fan", "fan", fan}} {
		p.step(c, `{"cmd":"`+x.command+`","param":1}`, `{"ok":"`+x.command+`","param":1}`)
		level, on := c.Pin('D', x.bit)
		if !level {
			t.Fatalf("the %s is off", x.name)
		}
		c.RunFor(silence)
		if got := p.other(); got != `{"event":"watchdog"}` {
			t.Fatalf("got %s, want the watchdog's event", got)
		}
		_, off := c.Pin('D', x.bit)
		checkSilence(t, x.name, off-on)
		checkSafe(t, c)
		c.RunFor(20 * time.Millisecond)
		if r := p.report(); r.Safe != 1 || r.Duty != 0 || r.Fan != 0 {
			t.Errorf("after the watchdog: %+v", r)
		}
	}
}

func TestPlateWatchdogCountsOnlyValidCommands(t *testing.T) {
	t.Parallel()
	c := Start(t, Options{})
	p := dial(t, c)
	p.reboot(c)
	c.Pause()
	p.step(c, `{"cmd":"fan","param":1}`, `{"ok":"fan","param":1}`)
	for range 2 { // a beat in time keeps the fan on
		c.RunFor(silence - 100*time.Millisecond)
		p.step(c, `{"cmd":"beat"}`, `{"ok":"beat"}`)
	}
	if changes := c.PinChanges('D', fan); changes != 1 {
		t.Fatalf("the fan changed %d times although the host was there", changes)
	}
	// The second output marks the moment of the last valid command.
	p.step(c, `{"cmd":"duty","param":1}`, `{"ok":"duty","param":1}`)
	_, on := c.Pin('D', heater)
	for bad, want := range map[string]string{
		`{"cmd":"duty","param":101}`: `{"error":"range"}`,
		`{"cmd":"boom"}`:             `{"error":"command"}`,
		`nonsense`:                   `{"error":"parse"}`,
		strings.Repeat("z", 70):      `{"error":"overflow"}`,
	} {
		c.RunFor(500 * time.Millisecond)
		p.step(c, bad, want)
	}
	c.RunFor(silence - 2*time.Second)
	_, off := c.Pin('D', heater)
	checkSilence(t, "with bad lines", off-on)
	checkSafe(t, c)
}

func TestPlateIsSafeInResetAndAfter(t *testing.T) {
	t.Parallel()
	c := Start(t, Options{})
	p := dial(t, c)
	p.reboot(c)
	c.Pause()
	p.step(c, `{"cmd":"duty","param":100}`, `{"ok":"duty","param":100}`)
	p.step(c, `{"cmd":"fan","param":1}`, `{"ok":"fan","param":1}`)
	c.Reset()
	checkSafe(t, c)
	c.RunFor(100 * time.Millisecond)
	p.until(banner)
	checkSafe(t, c)
	if changes := c.PinChanges('D', heater); changes != 2 {
		t.Errorf("the relay changed %d times, want on and off", changes)
	}
}

func TestPlateSurvivesUnplugging(t *testing.T) {
	t.Parallel()
	c := Start(t, Options{})
	p := dial(t, c)
	p.reboot(c)
	c.Pause()
	p.step(c, `{"cmd":"duty","param":40}`, `{"ok":"duty","param":40}`)
	level, on := c.Pin('D', heater)
	if !level {
		t.Fatal("the heater is off")
	}
	before := p.report()

	c.HangUp()
	p.f.SetReadDeadline(time.Now().Add(readTimeout))
	buf := make([]byte, 4096)
	var err error
	for err == nil { // the last bytes come first
		_, err = p.f.Read(buf)
	}
	if errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatal("reading from an unplugged port does not end")
	}
	if _, err := p.f.WriteString("x"); !errors.Is(err, syscall.EIO) {
		t.Errorf("writing to an unplugged port: %v, want EIO", err)
	}
	if _, err := os.Stat(c.Path()); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the path of an unplugged port: %v", err)
	}
	c.RunFor(silence)
	_, off := c.Pin('D', heater)
	checkSilence(t, "unplugged", off-on)
	checkSafe(t, c)

	c.Plug()
	c.Resume()
	p = dial(t, c)
	p.send("\n") // ends whatever the old port left in the chip's line
	p.until(`"safe":1}`)
	if r := p.report(); *r.N < *before.N+290 {
		t.Errorf("n = %d after plugging in, %d before: the chip did not run on", *r.N, *before.N)
	}
	p.expect(`{"cmd":"id"}`, banner)
}
