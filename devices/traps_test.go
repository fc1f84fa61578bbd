package devices

import (
	"math"
	"testing"
	"time"

	"github.com/goccy/go-yaml"

	"labbox/edge"
)

func TestPenduinoStopsInEveryWay(t *testing.T) {
	inSimulation(t, catalogType(t, "penduino"), func(t *testing.T, r *simRig) {
		r.seize()
		for _, how := range []string{"brake", "loaded", "unloaded"} {
			r.do("drive", 200)
			time.Sleep(time.Second)
			r.do("stop", how) // the reply is glued to the next report
			time.Sleep(time.Second)
		}
		if st := r.Status(); st.Counts.Garbage > 0 || st.Counts.Lost > 0 {
			t.Errorf("%+v", st.Counts)
		}
	})
}

// At the slowest interval the glued reply comes latest.
func TestPenduinoStopsAtTheSlowestInterval(t *testing.T) {
	inSimulation(t, catalogType(t, "penduino"), func(t *testing.T, r *simRig) {
		let := r.seize()
		r.do("interval", 500)
		r.do("drive", 100)
		r.do("stop", "unloaded")
		r.do("drive", 100)
		let()
		r.until("away and safe", func(st edge.Status) bool {
			return live(st) && st.Lease != nil && st.Lease.Away && st.Safe == edge.SafeConfirmed
		})
	})
}

// A stop without its parameter restarts the board: while it is silent it is
// stale, and when it is back it is made safe before anybody drives again.
func TestPenduinoRestartIsNoticed(t *testing.T) {
	typ := catalogType(t, "penduino")
	typ.command("stop").Send = &Send{JSON: yaml.MapSlice{{Key: "cmd", Value: "stop"}}}
	inSimulation(t, typ, func(t *testing.T, r *simRig) {
		r.seize()
		r.do("drive", 50)
		if _, err := r.ask("stop", "brake"); err == nil {
			t.Fatal("confirmed by a board that crashed")
		}
		r.until("stale", func(st edge.Status) bool { return st.State == edge.StateStale || st.State == edge.StateSafing })
		r.until("safe and live", func(st edge.Status) bool { return live(st) && st.Safe == edge.SafeConfirmed })
		r.do("drive", 50)
	})
}

func TestPenduinoOverAReplug(t *testing.T) {
	inSimulation(t, catalogType(t, "penduino"), func(t *testing.T, r *simRig) {
		r.seize()
		for range 5 {
			r.do("drive", 255)
			time.Sleep(time.Second)
			r.opener.Unplug()
			r.until("absent", func(st edge.Status) bool { return st.State == edge.StateAbsent })
			r.opener.Plug()
			r.until("safe and live", func(st edge.Status) bool { return live(st) && st.Safe == edge.SafeConfirmed })
			time.Sleep(1500 * time.Millisecond) // it stands before the next nudge
			if x := r.stream.shown("angle"); math.Abs(x) > 3 {
				t.Errorf("at %g deg: still driven, or not braked", x)
			}
		}
	})
}

func TestSpinnerOddLines(t *testing.T) {
	typ := catalogType(t, "spinner")
	typ.command("volts").Params[0].Range = &Range{-1000, 1000}
	typ.command("volts").Params[0].Slew = 0
	inSimulation(t, typ, func(t *testing.T, r *simRig) {
		r.seize()
		if _, err := r.ask("parameters", 0.4, 2, 0); err != nil {
			t.Fatal(err)
		}
		r.until("the info line", func(edge.Status) bool { return r.said(`{"info","pid",0.40,2.00,0}`) })
		r.do("mode", "motor")
		_, err := r.ask("volts", 1000)
		code(t, err, edge.CodeNoAnswer)
		if !r.said(`{"error":"volts outside limits"}`) {
			t.Error("the limit error is not in the log")
		}
		if st := r.Status(); st.Counts.Garbage > 0 || st.Counts.Lost > 0 {
			t.Errorf("lost something: %+v", st.Counts)
		}
	})
}

func TestSpinnerGivesUpWhileDriven(t *testing.T) {
	inSimulation(t, catalogType(t, "spinner"), func(t *testing.T, r *simRig) {
		r.seize()
		r.do("mode", "velocity")
		r.do("velocity", 20)
		time.Sleep(85 * time.Second)
		if v := r.stream.shown("speed"); math.Abs(v-20) > 1 {
			t.Errorf("%g rad/s", v)
		}
		time.Sleep(6 * time.Second)
		r.mode("mode", "stop")
	})
}

func TestAeropendulumAlarmIsReachedAndCleared(t *testing.T) {
	inSimulation(t, catalogType(t, "aeropendulum"), func(t *testing.T, r *simRig) {
		let := r.seize()
		r.do("ctrl_mode", "test")
		r.do("power_on")
		r.mode("mode", "ready")
		r.do("start")
		r.do("vel_man", 600)
		r.mode("mode", "alarm")
		_, err := r.ask("start")
		code(t, err, edge.CodeNoAnswer)
		let() // at rest in alarm is safe too, and stays an alarm
		r.until("safe", func(st edge.Status) bool {
			return live(st) && st.Lease != nil && st.Lease.Away && st.Safe == edge.SafeConfirmed
		})
		r.mode("mode", "alarm")
		r.until("turn over", func(st edge.Status) bool { return st.Lease == nil && live(st) })
		r.seize()
		r.do("reset")
		r.mode("mode", "standby")
	})
}

// The board flies on when its link is lost. Back on the line it is stopped
// before anything else.
func TestAeropendulumIsStoppedWhenItIsBack(t *testing.T) {
	inSimulation(t, catalogType(t, "aeropendulum"), func(t *testing.T, r *simRig) {
		r.seize()
		r.do("reference", 45)
		r.do("power_on")
		r.mode("mode", "ready")
		r.do("start")
		time.Sleep(5 * time.Second)
		if x := r.stream.shown("angle"); math.Abs(x-45) > 2 {
			t.Fatalf("%g deg", x)
		}
		r.opener.Unplug()
		r.until("absent", func(st edge.Status) bool { return st.State == edge.StateAbsent })
		time.Sleep(3 * time.Second)
		r.opener.Plug()
		r.until("safe and live", func(st edge.Status) bool { return live(st) && st.Safe == edge.SafeConfirmed })
		r.mode("mode", "ready")
		r.shows("motor1", 0)
		r.shows("motor2", 0)
	})
}
