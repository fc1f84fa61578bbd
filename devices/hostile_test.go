package devices

import (
	"context"
	"fmt"
	"math"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"labbox/devices/sim"
	"labbox/devices/transport/mem"
	"labbox/edge"
	"labbox/edge/config"
	"labbox/firmware-protocols/labwire"
	"labbox/firmware-protocols/lines"
)

// What is infinite is no value, in a row of them too.
func TestInfiniteValuesInARowAreNone(t *testing.T) {
	typ := parsed(t, `schema: 1
type: x
label: {en: X}
protocol: {lines: {format: json}}
channels: [{id: v, label: {en: V}}]
`)
	in := newIntake(typ, nil)
	var got []float64
	r := &lines.Record{Kind: lines.Values, Fields: []lines.Field{{Key: []byte("v"), Kind: lines.NumberArray, Array: []float64{1, math.Inf(1), math.Inf(-1), 2}}}}
	in.take(r, time.Second, func(uint32) {}, func(_ time.Duration, _ float64, row []float64) { got = append(got, row[0]) })
	r.Fields[0].Array = []float64{math.Inf(1)}
	in.take(r, time.Second, func(uint32) {}, func(_ time.Duration, _ float64, row []float64) { got = append(got, row[0]) })
	in.round.collect(r, time.Second)
	in.round.flush(func(_ time.Duration, _ float64, row []float64) { got = append(got, row[0]) })
	for i, x := range got {
		if math.IsInf(x, 0) {
			t.Errorf("value %d is %g", i, x)
		}
	}
	if len(got) != 6 || got[0] != 1 || got[3] != 2 {
		t.Errorf("%v", got)
	}
}

const heaterDictionary = `labwire 1
device heater "Heater" "1.0"
rate 10
safe "Heater off" 1000 10000
i16 temperature "Temperature" "Cel" 0 100 1 0.1 0
command heat "Heat" on
float power "Power" "%" 0 100 1 0 0
`

func toldType(t *testing.T, dictionary string, dev *config.Device) (*Type, error) {
	t.Helper()
	d, err := labwire.ParseDictionary([]byte(dictionary))
	if err != nil {
		t.Fatal(err)
	}
	typ, err := labwireType(catalogType(t, "labwire"), d, 1)
	if err != nil {
		t.Fatal(err)
	}
	return typ.narrowed(dev)
}

// The bench's limits hold for what a firmware is sent, after rounding.
func TestBenchLimitsHoldAfterRoundingForToldTypes(t *testing.T) {
	top := 10.06
	typ, err := toldType(t, heaterDictionary, &config.Device{ID: "h", Limits: map[string]config.Limit{"heat.power": {Max: &top}}})
	if err != nil {
		t.Fatal(err)
	}
	cmd := typ.command("heat")
	args, err := cmd.resolve(edge.Args{"power": edge.Number(10.06)})
	if err != nil {
		t.Fatal(err)
	}
	c := newLabwireCodec(typ)
	out, err := c.encode(nil, cmd.Send, nil, args)
	if err != nil {
		t.Fatal(err)
	}
	n, _ := cmd.Send.native.(*labwireSend)
	want, err := n.command.Args(nil, []float64{10})
	if err != nil {
		t.Fatal(err)
	}
	if sent := string(labwire.AppendCommand(nil, 1, 0, want)); string(out.data) != sent {
		t.Errorf("% x went out, not % x: above 10.06", out.data, sent)
	}
}

// A firmware without channels cannot make the bench's limits meaningless.
func TestLimitsOfAToldTypeWithoutChannels(t *testing.T) {
	top := 10.
	other := strings.NewReplacer("heat ", "warm ", `i16 temperature "Temperature" "Cel" 0 100 1 0.1 0`+"\n", "").Replace(heaterDictionary)
	_, err := toldType(t, other, &config.Device{ID: "h", Limits: map[string]config.Limit{"heat.power": {Max: &top}}})
	if edge.CodeOf(err) != edge.CodeBadConfig {
		t.Errorf("a limit that names nothing: %v", err)
	}
}

// A device that says something else of itself each time costs the store little.
func TestADeviceThatDescribesItselfAnewAllTheTime(t *testing.T) {
	typ := catalogType(t, "labwire")
	var described atomic.Int32
	inBubbleOf(t, typ, func(p *mem.Port) {
		n := described.Add(1)
		other, lw := *typ, *typ.Protocol.Labwire
		lw.Example = strings.Replace(heaterDictionary, `"1.0"`, fmt.Sprintf(`"1.%d"`, n), 1)
		other.Protocol.Labwire = &lw
		far, err := newLabwireDevice(&other)
		if err != nil {
			t.Error(err)
			return
		}
		ctx, cancel := context.WithTimeout(context.Background(), 8*time.Second)
		defer cancel()
		_ = sim.NewDevice(sim.Spec{RateHz: 100}, 1, far).Run(ctx, p)
		_ = p.Close()
	}, func(t *testing.T, r *rig) {
		writes := 0
		r.kv.on(func(_ context.Context, op, key string) error {
			if op == "raise" {
				writes++ // under the store's own order: one device
			}
			return nil
		})
		time.Sleep(30 * time.Minute)
		if n := described.Load(); n < 100 || writes < retoldMost || writes > retoldMost+10 {
			t.Errorf("%d times described, %d durable writes", n, writes)
		}
		if st := r.Status(); st.Reason == nil {
			t.Errorf("%+v", st)
		}
	})
}

// A refusal in the middle of several messages leaves open where a parameter
// stands; that of a single one does not.
func TestARefusalInTheMiddleLeavesTheValueOpen(t *testing.T) {
	rest := 0.
	cmd := &Command{ID: "go", Params: []Param{{ID: "x", Range: &Range{-100, 100}, Slew: 10, Rest: &rest}}}
	for _, c := range []struct {
		out  *outgoing
		want edge.Code // for 10 in the other direction
	}{
		{&outgoing{}, ""},
		{&outgoing{next: &outgoing{}}, edge.CodeSlew},
		{&outgoing{flow: &gcodeAnswer{}}, edge.CodeSlew},
	} {
		s := &Supervisor{env: newEnvelope()}
		move := func(now time.Duration, x float64) error {
			args, err := cmd.resolve(edge.Args{"x": edge.Number(x)})
			if err == nil {
				err = s.env.admit(now, cmd, args, nil, true)
			}
			if err == nil {
				s.settle(cmd, args, c.out, edge.Errorf(edge.CodeDeviceRefused, "no"))
			}
			return err
		}
		if err := move(time.Second, 10); err != nil {
			t.Fatal(err)
		}
		if err := move(time.Minute, -10); edge.CodeOf(err) != c.want {
			t.Errorf("%+v: %v", c.out, err)
		}
	}
}

// turncoat is a labwire device that starts again with another dictionary.
type turncoat struct {
	*labwireDevice
	mu   sync.Mutex
	next *labwireDevice
}

func (d *turncoat) Report(now time.Time, m *sim.Model, out sim.Output) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.next != nil {
		d.labwireDevice, d.next = d.next, nil
		d.Open(now, m, out)
	}
	d.labwireDevice.Report(now, m, out)
}

func (d *turncoat) Receive(now time.Time, p []byte, m *sim.Model, out sim.Output) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.labwireDevice.Receive(now, p, m, out)
}

// A board that was flashed anew on an open line is asked again what it is, and
// obeys what it says then.
func TestAnotherDictionaryOnAnOpenLine(t *testing.T) {
	typ := catalogType(t, "labwire")
	told := func(dictionary string) *labwireDevice {
		other, lw := *typ, *typ.Protocol.Labwire
		lw.Example = dictionary
		other.Protocol.Labwire = &lw
		far, err := newLabwireDevice(&other)
		if err != nil {
			t.Fatal(err)
		}
		return far
	}
	d := &turncoat{labwireDevice: told(heaterDictionary)}
	inBubbleOf(t, typ, func(p *mem.Port) {
		_ = sim.NewDevice(sim.Spec{RateHz: 100}, 1, d).Run(context.Background(), p)
	}, func(t *testing.T, r *rig) {
		r.until("live", live)
		f := r.take(ann)
		defer r.beats(ann, f)()
		heat := func(x float64) edge.Code {
			_, err := r.cmd(ann, f, "heat", edge.Args{"power": edge.Number(x)})
			return edge.CodeOf(err)
		}
		if c := heat(90); c != "" {
			t.Fatal(c)
		}
		weak := strings.Replace(heaterDictionary, `float power "Power" "%" 0 100 1 0 0`, `float power "Power" "%" 0 50 1 0 0`, 1)
		d.mu.Lock()
		d.next = told(weak)
		d.mu.Unlock()
		time.Sleep(10 * time.Second)
		if st := r.Status(); st.State != edge.StateLive || st.Safe != edge.SafeConfirmed {
			t.Fatalf("%s %s %v", st.State, st.Safe, st.Reason)
		}
		if c := heat(90); c != edge.CodeOutOfRange {
			t.Errorf("90 of 50: %q", c)
		}
		if c := heat(40); c != "" {
			t.Errorf("40 of 50: %q", c)
		}
	})
}
