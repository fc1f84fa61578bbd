package devices

import (
	"context"
	"strings"
	"testing"
	"time"

	"labbox/devices/sim"
	"labbox/devices/transport"
	"labbox/devices/transport/mem"
	"labbox/edge"
)

// A device that describes itself needs no file: channels, commands, limits and
// the safe state are the firmware's own.
func TestADeviceDescribesItself(t *testing.T) {
	inSimulation(t, catalogType(t, "labwire"), func(t *testing.T, r *simRig) {
		c := r.Contract()
		if c.Type != "plate" || c.Label.In("fr") != "Plaque chauffante" || len(c.Commands) != 2 || c.Channel("temperature") < 0 {
			t.Fatalf("%+v", c)
		}
		if st := r.Status(); st.Safe != edge.SafeConfirmed || r.stream.shown("safe") != 1 {
			t.Fatalf("%+v", st)
		}
		r.typ = r.Supervisor.typ()
		let := r.seize()
		r.do("power", 40)
		time.Sleep(2 * time.Second)
		if x := r.stream.shown("heater"); x < 39 || x > 41 {
			t.Errorf("heater %g", x)
		}
		if r.stream.shown("safe") != 0 {
			t.Error("safe while it heats")
		}
		if _, err := r.ask("power", 101); edge.CodeOf(err) != edge.CodeOutOfRange {
			t.Errorf("%v", err)
		}
		if _, err := r.ask("power", 99); edge.CodeOf(err) != edge.CodeSlew {
			t.Errorf("%v", err)
		}
		r.do("off")
		if st := r.Status(); st.Counts.Lost > 0 || st.Counts.Garbage > 0 {
			t.Errorf("%+v", st.Counts)
		}
		r.do("power", 20)
		let()
		r.until("away and safe", func(st edge.Status) bool {
			return live(st) && st.Lease != nil && st.Lease.Away && st.Safe == edge.SafeConfirmed
		})
		if r.stream.shown("safe") != 1 {
			t.Error("not safe after its driver went away")
		}
	})
}

// Every sample of 1 kHz x 4 arrives, in order, with the device's own time.
func TestAFastDeviceThatDescribesItself(t *testing.T) {
	typ := catalogType(t, "labwire")
	typ.Protocol.Labwire.Example = `labwire 1
device sampler "Sampler" "1.0"
rate 1000
safe "Nothing to switch off" 1000 10000
i16 a "A" "V" -5 5 3 0.001 0
i16 b "B" "V" -5 5 3 0.001 0
i16 c "C" "V" -5 5 3 0.001 0
i16 d "D" "V" -5 5 3 0.001 0
`
	inSimulation(t, typ, func(t *testing.T, r *simRig) {
		before := r.Status().Counts.Samples
		time.Sleep(5 * time.Second)
		st := r.Status()
		if n := st.Counts.Samples - before; n < 4950 || n > 5050 || st.Counts.Lost > 0 || st.Counts.Garbage > 0 {
			t.Errorf("%d samples in 5 s, %+v", n, st.Counts)
		}
	})
}

// A board that starts anew by itself is noticed, made safe and goes on.
func TestADeviceThatDescribesItselfStartsAnew(t *testing.T) {
	typ := catalogType(t, "labwire")
	far, err := newLabwireDevice(typ)
	if err != nil {
		t.Fatal(err)
	}
	var line *mem.Port
	inBubbleOf(t, typ, func(p *mem.Port) {
		line = p
		_ = sim.NewDevice(sim.Spec{RateHz: 100}, 1, far).Run(context.Background(), p)
	}, func(t *testing.T, r *rig) {
		r.until("live", live)
		f := r.take(ann)
		defer r.beats(ann, f)()
		if _, err := r.cmd(ann, f, "power", edge.Args{"power": edge.Number(30)}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		epoch := r.Status().Stream.Epoch
		_ = line.Send(far.dev.Boot(far.at, nil), transport.Binary)
		time.Sleep(3 * time.Second)
		r.until("live again", live)
		if n := r.count("text", "text", "the device started again"); n != 1 {
			t.Errorf("%d restarts noticed", n)
		}
		if r.stream.shown("safe") != 1 || r.Status().Stream.Epoch != epoch {
			t.Errorf("safe %g, epoch %d after %d", r.stream.shown("safe"), r.Status().Stream.Epoch, epoch)
		}
		samples := r.Status().Counts.Samples
		time.Sleep(time.Second)
		if n := r.Status().Counts.Samples - samples; n < 9 {
			t.Errorf("%d samples a second after it", n)
		}
	})
}

// The box file's limits hold for what a firmware declares, and a firmware that
// is another one is refused.
func TestLimitsOfADeviceThatDescribesItself(t *testing.T) {
	typ := catalogType(t, "labwire")
	typ.Protocol.Labwire.Device = "oven"
	far, err := newLabwireDevice(typ)
	if err != nil {
		t.Fatal(err)
	}
	inBubbleOf(t, typ, func(p *mem.Port) {
		_ = sim.NewDevice(sim.Spec{RateHz: 100}, 1, far).Run(context.Background(), p)
	}, func(t *testing.T, r *rig) {
		st := r.until("fault", func(st edge.Status) bool { return st.State == edge.StateFault })
		if st.Reason.Code != edge.CodeContract || !strings.Contains(st.Reason.Message, `"plate", not "oven"`) {
			t.Errorf("%+v", st.Reason)
		}
	})
}
