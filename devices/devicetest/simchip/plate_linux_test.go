package simchip

import (
	"math"
	"strings"
	"testing"
	"time"
)

const banner = `{"id":"labbox-plate","fw":"1.0"}`

// The plate's pins.
const heater, fan, pwm = 4, 5, 1 // PD4, PD5, PB1

func TestPlateSaysWhoItIsWhenItBoots(t *testing.T) {
	t.Parallel()
	for _, baud := range []int{9600, 115200} {
		c := Start(t, Options{Firmware: "plate", Baud: baud})
		p := dial(t, c)
		p.reboot(c)
		interval := uint32(10)
		if baud == 9600 {
			interval = 100
		}
		if r := p.report(); *r.N != 0 || r.T != interval || r.Safe != 1 {
			t.Errorf("%d Bd: first report n=%d t=%d safe=%d, want 0, %d, 1", baud, *r.N, r.T, r.Safe, interval)
		}
		p.expect(`{"cmd":"id"}`, banner)
	}
}

func TestPlateResetsWhenOpenedLikeAnUno(t *testing.T) {
	t.Parallel()
	c := Start(t, Options{ResetOnOpen: true})
	c.Advance(300 * time.Millisecond)
	p := dial(t, c)
	p.until(banner)
	if r := p.report(); *r.N != 0 {
		t.Errorf("n = %d after opening, want 0", *r.N)
	}
}

func TestPlateTelemetryHasNoGap(t *testing.T) {
	t.Parallel()
	c := Start(t, Options{})
	p := dial(t, c)
	p.reboot(c)
	for want := uint32(0); want < 400; want++ { // 4 s at 100 Hz
		if r := p.report(); *r.N != want || r.T != (want+1)*10 {
			t.Fatalf("n=%d t=%d, want n=%d t=%d", *r.N, r.T, want, (want+1)*10)
		}
	}
}

func TestPlateShowsSkippedReportsInTheNumber(t *testing.T) {
	t.Parallel()
	c := Start(t, Options{Baud: 9600})
	p := dial(t, c)
	p.reboot(c)
	p.expect(`{"cmd":"interval","param":20}`, `{"ok":"interval","param":20}`) // 50 lines/s; the port carries 14
	first := p.report()
	for range 20 {
		p.report()
	}
	last := p.report()
	lines, samples, ms := uint32(21), *last.N-*first.N, last.T-first.T
	if samples <= 2*lines || ms != samples*20 {
		t.Errorf("%d lines carried %d samples over %d ms; want more than twice as many samples, 20 ms each", lines, samples, ms)
	}
	p.expect(`{"cmd":"beat"}`, `{"ok":"beat"}`)
}

func TestPlateAnswersCommands(t *testing.T) {
	t.Parallel()
	c := Start(t, Options{})
	p := dial(t, c)
	p.reboot(c)
	c.Pause()
	long := strings.Repeat("x", 64)
	for _, x := range []struct{ command, want string }{
		{`{"cmd":"duty","param":40}`, `{"ok":"duty","param":40}`},
		{`{"cmd":"duty","param":0}`, `{"ok":"duty","param":0}`},
		{`{"cmd":"duty","param":100}`, `{"ok":"duty","param":100}`},
		{`{"cmd":"fan","param":1}`, `{"ok":"fan","param":1}`},
		{`{"cmd":"interval","param":20}`, `{"ok":"interval","param":20}`},
		{`{"cmd":"interval","param":5}`, `{"ok":"interval","param":5}`},
		{`{"cmd":"interval","param":1000}`, `{"ok":"interval","param":1000}`},
		{`{"cmd":"interval","param":10}`, `{"ok":"interval","param":10}`},
		{`{"cmd":"beat"}`, `{"ok":"beat"}`},
		{`{"cmd":"safe"}`, `{"ok":"safe"}`},
		{`{"cmd":"id"}`, banner},
		{" { \"param\" :\t7.9 , \"cmd\" : \"duty\" } \r", `{"ok":"duty","param":7}`},
		{`{"cmd":"safe","param":3}`, `{"ok":"safe"}`},
		{"\r\n\n" + `{"cmd":"beat"}`, `{"ok":"beat"}`},

		{`{"cmd":"duty","param":101}`, `{"error":"range"}`},
		{`{"cmd":"duty","param":-1}`, `{"error":"range"}`},
		{`{"cmd":"duty","param":99999999999999999999}`, `{"error":"range"}`},
		{`{"cmd":"fan","param":2}`, `{"error":"range"}`},
		{`{"cmd":"interval","param":4}`, `{"error":"range"}`},
		{`{"cmd":"interval","param":1001}`, `{"error":"range"}`},
		{`{"cmd":"boom"}`, `{"error":"command"}`},
		{`{"cmd":"duty and more","param":1}`, `{"error":"command"}`},
		{`{"cmd":""}`, `{"error":"command"}`},
		{`{"cmd":"duty"}`, `{"error":"parse"}`},
		{`{"cmd":"duty","param":"40"}`, `{"error":"parse"}`},
		{`{"cmd":"duty","param":4e1}`, `{"error":"parse"}`},
		{`{"cmd":"duty","param":40}}`, `{"error":"parse"}`},
		{`{"cmd":"duty","param":40`, `{"error":"parse"}`},
		{`{"cmd":"duty","param":40,"param":41}`, `{"error":"parse"}`},
		{`{"cmd":"duty","x":1}`, `{"error":"parse"}`},
		{`{"param":40}`, `{"error":"parse"}`},
		{`hello`, `{"error":"parse"}`},
		{"{\"cmd\":\"beat\"}\x00", `{"error":"parse"}`},
		{long, `{"error":"parse"}`},
		{long + "x", `{"error":"overflow"}`},
		{long + long + long, `{"error":"overflow"}`},
		{"{\"cmd\":\"be\x18at\"}", `{"error":"overflow"}`}, // CAN spoils the line it stands in
		{`{"cmd":"beat"}`, `{"ok":"beat"}`},
	} {
		p.step(c, x.command, x.want)
	}
	if late := c.Stats().RxLate; late != 0 {
		t.Errorf("a real UART had lost %d bytes", late)
	}
}

func TestPlateDrivesItsPins(t *testing.T) {
	t.Parallel()
	c := Start(t, Options{})
	p := dial(t, c)
	p.reboot(c)
	c.Pause()
	const (
		tccr1a = 0x80
		com1a1 = 0x80
		ocr1al = 0x88
	)
	for _, x := range []struct {
		duty, fan  string
		high, blow bool
		compare    int // OCR1A while the timer drives PB1, of 0..99; -1: it does not
	}{
		{"40", "0", true, false, 39},
		{"1", "1", true, true, 0},
		{"99", "1", true, true, 98},
		{"100", "0", true, false, -1},
		{"0", "1", false, true, -1},
		{"0", "0", false, false, -1},
	} {
		p.step(c, `{"cmd":"duty","param":`+x.duty+`}`, `{"ok":"duty","param":`+x.duty+`}`)
		p.step(c, `{"cmd":"fan","param":`+x.fan+`}`, `{"ok":"fan","param":`+x.fan+`}`)
		if level, _ := c.Pin('D', heater); level != x.high {
			t.Errorf("duty %s: heater relay %v", x.duty, level)
		}
		if level, _ := c.Pin('D', fan); level != x.blow {
			t.Errorf("fan %s: fan pin %v", x.fan, level)
		}
		compare := -1
		if c.Peek(tccr1a)&com1a1 != 0 {
			compare = int(c.Peek(ocr1al))
		} else if level, _ := c.Pin('B', pwm); level != (x.duty == "100") {
			t.Errorf("duty %s: PWM pin rests at %v", x.duty, level)
		}
		if compare != x.compare {
			t.Errorf("duty %s: compare %d, want %d", x.duty, compare, x.compare)
		}
	}
	p.step(c, `{"cmd":"duty","param":55}`, `{"ok":"duty","param":55}`)
	p.step(c, `{"cmd":"fan","param":1}`, `{"ok":"fan","param":1}`)
	p.step(c, `{"cmd":"safe"}`, `{"ok":"safe"}`)
	checkSafe(t, c)
	c.RunFor(30 * time.Millisecond)
	if r := p.report(); r.Duty != 0 || r.Fan != 0 || r.Safe != 1 {
		t.Errorf("after safe: %+v", r)
	}
}

// checkSafe looks at the pins: relay and fan low, PWM let go and low.
func checkSafe(t *testing.T, c *Chip) {
	t.Helper()
	if level, _ := c.Pin('D', heater); level {
		t.Error("the heater relay is on")
	}
	if level, _ := c.Pin('D', fan); level {
		t.Error("the fan is on")
	}
	if level, _ := c.Pin('B', pwm); level || c.Peek(0x80)&0x80 != 0 {
		t.Error("the PWM is on")
	}
}

func TestPlateMeasuresTemperature(t *testing.T) {
	t.Parallel()
	c := Start(t, Options{})
	p := dial(t, c)
	p.reboot(c)
	for _, mV := range []int{0, 253, 800, 1999} {
		c.SetADC(0, mV)
		p.expect(`{"cmd":"id"}`, banner)
		p.report() // its mean may hold old samples
		want := float64(mV) / 10
		if r := p.report(); math.Abs(r.Temp-want) > 0.8 { // one ADC step is 0.49 deg C; simavr rounds down
			t.Errorf("%d mV: %.2f deg C, want about %.1f", mV, r.Temp, want)
		}
	}
}
