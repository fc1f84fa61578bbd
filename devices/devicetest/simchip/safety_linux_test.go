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
	p.expect(`{"cmd":"duty","param":40}`, `{"ok":"duty","param":40}`)
	on := c.WaitPin('D', heater, true, time.Second)
	if got := p.other(); got != `{"event":"watchdog"}` {
		t.Fatalf("got %s, want the watchdog's event", got)
	}
	off := c.WaitPin('D', heater, false, 0)
	checkSilence(t, "heater", off-on)
	checkSafe(t, c)
	if r := p.report(); r.Safe != 1 || r.Duty != 0 {
		t.Errorf("after the watchdog: %+v", r)
	}

	p.expect(`{"cmd":"fan","param":1}`, `{"ok":"fan","param":1}`)
	on = c.WaitPin('D', fan, true, time.Second)
	off = c.WaitPin('D', fan, false, 2*silence)
	checkSilence(t, "fan", off-on)
}

func TestPlateWatchdogCountsOnlyValidCommands(t *testing.T) {
	t.Parallel()
	c := Start(t, Options{})
	p := dial(t, c)
	p.reboot(c)
	p.expect(`{"cmd":"fan","param":1}`, `{"ok":"fan","param":1}`)
	for range 3 { // a beat a second keeps the fan on
		c.Advance(time.Second)
		p.expect(`{"cmd":"beat"}`, `{"ok":"beat"}`)
	}
	if level, _ := c.Pin('D', fan); !level {
		t.Fatal("the fan stopped although the host was there")
	}
	// The second output marks the moment of the last valid command.
	p.expect(`{"cmd":"duty","param":1}`, `{"ok":"duty","param":1}`)
	on := c.WaitPin('D', heater, true, time.Second)
	for _, bad := range []string{`{"cmd":"duty","param":101}`, `{"cmd":"boom"}`, `nonsense`, strings.Repeat("z", 70)} {
		c.Advance(300 * time.Millisecond)
		if got := p.ask(bad); !strings.HasPrefix(got, `{"error":`) {
			t.Errorf("%s: %s", bad, got)
		}
	}
	off := c.WaitPin('D', heater, false, 2*silence)
	checkSilence(t, "with bad lines", off-on)
	checkSafe(t, c)
}

func TestPlateIsSafeInResetAndAfter(t *testing.T) {
	t.Parallel()
	c := Start(t, Options{})
	p := dial(t, c)
	p.reboot(c)
	p.expect(`{"cmd":"duty","param":100}`, `{"ok":"duty","param":100}`)
	p.expect(`{"cmd":"fan","param":1}`, `{"ok":"fan","param":1}`)
	p.reboot(c)
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
	p.expect(`{"cmd":"duty","param":40}`, `{"ok":"duty","param":40}`)
	on := c.WaitPin('D', heater, true, time.Second)
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
	off := c.WaitPin('D', heater, false, 2*silence)
	checkSilence(t, "unplugged", off-on)

	c.Plug()
	p = dial(t, c)
	p.send("\n") // ends whatever the old port left in the chip's line
	p.until(`"safe":1}`)
	if r := p.report(); *r.N < *before.N+290 {
		t.Errorf("n = %d after plugging in, %d before: the chip did not run on", *r.N, *before.N)
	}
	p.expect(`{"cmd":"id"}`, banner)
}
