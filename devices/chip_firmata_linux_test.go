package devices

import (
	"math"
	"strings"
	"testing"
	"time"

	"labbox/devices/devicetest/firmatatest"
	"labbox/devices/devicetest/simchip"
	"labbox/devices/transport/serial"
	"labbox/edge"
)

// StandardFirmata as its makers built it, on a simulated ATmega328P behind a pty,
// and the whole supervisor. What is safe is what the chip's pins say: PB5 is the
// LED, PB1 the PWM output of pin 9.

func withFirmataChip(t *testing.T, name string, reset bool) (*simchip.Chip, *rig) {
	t.Helper()
	chip := simchip.Start(t, simchip.Options{Firmware: firmatatest.Hex(t), ResetOnOpen: reset})
	typ := catalogType(t, name)
	typ.Connect.Reset = reset
	r := &rig{t: t, plate: &plate{}, sink: &logSink{}, clock: edge.NewSystemClock(), kv: &memKV{m: map[string]string{}}}
	o, err := serial.New(serial.Options{Path: chip.Path(), Baud: typ.Serial.Baud, ResetOnOpen: reset, Registry: serial.NewRegistry(), Owner: "p"})
	if err != nil {
		t.Fatal(err)
	}
	r.line = o
	r.start(typ, typ.Serial.Baud)
	t.Cleanup(func() { r.cancel(); <-r.done })
	return chip, r
}

// lit says whether the LED's pin is high; blown, whether anything comes out of
// pin 9: from timer 1, or as a plain high level.
func lit(c *simchip.Chip) bool { level, _ := c.Pin('B', 5); return level }

func blown(c *simchip.Chip) bool {
	level, _ := c.Pin('B', 1)
	return level || c.Peek(0x80)&0x80 != 0
}

func (r *rig) says(what string) func(edge.Status) bool {
	return func(edge.Status) bool { return r.count("text", "text", what) > 0 }
}

// on lights the LED and half of pin 9, with the chip as the witness.
func (r *rig) on(chip *simchip.Chip) {
	r.t.Helper()
	for name, arg := range map[string]edge.Args{"led": {"state": edge.Word("on")}, "pwm9": {"duty": edge.Number(50)}} {
		f := r.take(ann)
		if res, err := r.cmd(ann, f, name, arg); err != nil || res.Outcome != edge.OutcomeConfirmed {
			r.t.Fatalf("%s: %+v, %v", name, res, err)
		}
	}
	if !lit(chip) || chip.Peek(0x80)&0x80 == 0 || chip.Peek(0x88) != 128 {
		r.t.Fatalf("confirmed, and the LED is %t, pin 9 has %d of 255", lit(chip), chip.Peek(0x88))
	}
}

func TestFirmataOnTheChip(t *testing.T) {
	chip, r := withFirmataChip(t, "firmata", true)
	if st := r.until("live", live); st.Safe != edge.SafeConfirmed || lit(chip) || blown(chip) {
		t.Fatalf("%s, LED %t", st.Safe, lit(chip))
	}
	for ch := range 6 {
		chip.SetADC(ch, 300+700*ch)
	}
	for ch := range 6 {
		id, want := "a"+string(rune('0'+ch)), float64(300+700*ch)/1000
		r.until(id, func(edge.Status) bool { return math.Abs(r.stream.shown(id)-want) < 0.006 })
	}
	for _, high := range []bool{false, true, false} {
		chip.SetPin('D', 2, high)
		r.until("button", func(edge.Status) bool { return (r.stream.shown("button") == 1) == high })
	}
	f := r.take(ann)
	defer r.beats(ann, f)()
	r.on(chip)
	r.until("what it has", func(edge.Status) bool {
		return r.stream.shown("led") == 1 && math.Abs(r.stream.shown("pwm9")-50.2) < 0.01
	})
	for _, bad := range []float64{101, -1} {
		_, err := r.cmd(ann, f, "pwm9", edge.Args{"duty": edge.Number(bad)})
		code(t, err, edge.CodeOutOfRange)
	}
	before := chip.Now()
	res, err := r.Stop(t.Context(), ann)
	t.Logf("stop confirmed %v after it was pressed", chip.Now()-before)
	if err != nil || !res.Confirmed || lit(chip) || blown(chip) {
		t.Fatalf("stop: %+v, %v; LED %t, pin 9 %t", res, err, lit(chip), blown(chip))
	}
	operator := edge.Actor{Seat: "o", Name: "Op", Role: edge.RoleOperator, Via: "panel"}
	if err := r.Resume(operator); err != nil {
		t.Fatal(err)
	}
	r.until("live again", live)

	r.on(chip)
	safe := r.count("safe", "outcome", "confirmed")
	chip.Reset() // its button
	chip.WaitPin('B', 5, false, 10*time.Millisecond)
	st := r.until("safe after the reset", func(st edge.Status) bool { return r.count("safe", "outcome", "confirmed") > safe && live(st) })
	if st.Safe != edge.SafeConfirmed || lit(chip) || blown(chip) {
		t.Errorf("%s, LED %t, pin 9 %t", st.Safe, lit(chip), blown(chip))
	}
	r.on(chip)

	chip.HangUp()
	r.until("absent", func(st edge.Status) bool { return st.State == edge.StateAbsent || st.State == edge.StateOpening })
	chip.Plug()
	st = r.until("back", live)
	if st.Safe != edge.SafeConfirmed || lit(chip) || blown(chip) {
		t.Errorf("back: %s, LED %t, pin 9 %t", st.Safe, lit(chip), blown(chip))
	}
	r.on(chip)
	r.cancel() // the box stops
	<-r.done
	if lit(chip) || blown(chip) {
		t.Errorf("the box has stopped, and the LED is %t, pin 9 %t", lit(chip), blown(chip))
	}
}

// A board that does not restart when its port is opened was left on by a box that
// died: it is taken over and made safe, in the middle of a message of that box.
func TestFirmataChipTakenOver(t *testing.T) {
	chip, r := withFirmataChip(t, "firmata", false)
	r.until("live", live)
	f := r.take(ann)
	stop := r.beats(ann, f)
	r.on(chip)
	chip.HangUp() // with the LED on
	stop()
	r.until("absent", func(st edge.Status) bool { return st.State == edge.StateAbsent || st.State == edge.StateOpening })
	if !lit(chip) {
		t.Fatal("the board has restarted")
	}
	chip.Plug()
	if st := r.until("back", live); st.Safe != edge.SafeConfirmed || lit(chip) || blown(chip) {
		t.Errorf("back: %s, LED %t, pin 9 %t", st.Safe, lit(chip), blown(chip))
	}
}

func TestAnyFirmataBoardOnTheChip(t *testing.T) {
	chip, r := withFirmataChip(t, "firmata-plain", true)
	r.until("live", live)
	var ids []string
	for _, ch := range r.Contract().Channels {
		ids = append(ids, ch.ID)
	}
	if got := strings.Join(ids, " "); got != "a0 a1 a2 a3 a4 a5" {
		t.Error(got)
	}
	chip.SetADC(3, 2500)
	r.until("a3", func(edge.Status) bool { return math.Abs(r.stream.shown("a3")-511) < 2 })
	start, n := chip.Now(), r.Status().Counts
	for chip.Now()-start < 4*time.Second {
		chip.Advance(100 * time.Millisecond)
	}
	passed, after := (chip.Now() - start).Seconds(), r.Status().Counts
	if hz := float64(after.Samples-n.Samples) / passed; hz < 47 || hz > 53 || after.Lost > n.Lost || after.Garbage > n.Garbage {
		t.Errorf("%.1f samples a second of the chip's, %+v", hz, after)
	}
	chip.Reset()
	r.until("noticed", r.says("the device started again"))
	r.until("live", live)
	n = r.Status().Counts
	r.until("values again", func(st edge.Status) bool { return st.Counts.Samples > n.Samples+20 })
}
