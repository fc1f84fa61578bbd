package simchip

import (
	"math/rand/v2"
	"strings"
	"testing"
	"time"
)

// TestNoiseAtLowSpeedDoesNotBreakTheParser sends nonsense, overlong lines and refused commands as fast as a
// 9600 line carries them; their answers alone are more than the line carries back.
func TestNoiseAtLowSpeedDoesNotBreakTheParser(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(7, 9600))
	var noise strings.Builder
	for noise.Len() < 4000 { // about 4 s
		switch random.IntN(4) {
		case 0:
			noise.WriteString(`{"cmd":"duty","param":1000}` + "\n")
		case 1:
			noise.WriteString(strings.Repeat("?\n", random.IntN(60)))
		case 2:
			noise.WriteString(`{"param":2000, "cmd":"fan"}` + "\n")
		default:
			for range random.IntN(100) {
				noise.WriteByte(byte(1 + random.IntN(255)))
			}
			noise.WriteByte('\n')
		}
	}
	answers := flood(t, Options{Baud: 9600}, noise.String())
	for _, want := range []string{`{"error":"range"}`, `{"error":"parse"}`, `{"error":"overflow"}`} {
		if answers[want] == 0 {
			t.Errorf("the noise never met %s", want)
		}
	}
}

// TestLostBytesNeverMakeACommand overruns the plate's receive ring in the middle of a nonsensical line: a burst
// of short lines with long answers fills the transmit ring and then the receive ring, which then takes two bytes
// in nineteen. `{"cmd":"duty","param":40    x}` must not heat when the x is lost. Empty lines let the rings drain.
func TestLostBytesNeverMakeACommand(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(7, 115200))
	var bursts strings.Builder
	for range 150 {
		bursts.WriteString(strings.Repeat("?\n", 44+random.IntN(22)))
		bursts.WriteString(`{"cmd":"duty","param":40` + strings.Repeat(" ", 12+random.IntN(26)) + "x}\n")
		bursts.WriteString(strings.Repeat("\n", 350))
	}
	answers := flood(t, Options{}, bursts.String())
	if answers[`{"error":"overflow"}`] < 50 {
		t.Errorf("the ring overran %d times in 150 bursts: they prove nothing", answers[`{"error":"overflow"}`])
	}
}

// flood sends text as fast as the port takes it, checks that it was only ever answered with an error, that it
// moved no output and that the plate still obeys, and returns how often each error came.
func flood(t *testing.T, o Options, text string) map[string]int {
	t.Helper()
	c := Start(t, o)
	p := dial(t, c)
	p.reboot(c)
	target := c.Stats().RxBytes + uint64(len(text)) + 1
	sent := make(chan error, 1)
	go func() {
		p.f.SetWriteDeadline(time.Now().Add(readTimeout))
		_, err := p.f.WriteString(text + "\n")
		sent <- err
	}()
	answers := map[string]int{}
	quiet := 0 // reports in a row: what the plate still had in its ring is answered
	for s := p.line(); s != banner; s = p.line() {
		if strings.HasPrefix(s, `{"n":`) {
			if c.Stats().RxBytes >= target {
				if quiet++; quiet == 3 {
					p.send(`{"cmd":"id"}` + "\n")
				}
			}
			continue
		}
		quiet = 0
		if !strings.HasPrefix(s, `{"error":"`) {
			t.Fatalf("the flood was answered with %q", s)
		}
		answers[s]++
	}
	if err := <-sent; err != nil {
		t.Fatal(err)
	}
	t.Logf("answers: %v", answers)
	if d, f := c.PinChanges('D', heater), c.PinChanges('D', fan); d != 0 || f != 0 {
		t.Errorf("the flood moved the heater %d times and the fan %d times", d, f)
	}
	if late := c.Stats().RxLate; late != 0 {
		t.Errorf("a real UART had lost %d bytes", late)
	}
	return answers
}
