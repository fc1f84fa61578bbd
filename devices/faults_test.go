package devices

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"labbox/devices/sim/faults"
	"labbox/edge"
	"labbox/edge/config"
)

// trouble is what a device's line goes through, for some seconds.
type trouble struct {
	name string
	set  string // faults that are on all the time
	kind string // or a spell
}

func troubles() []trouble {
	return []trouble{{"none", "", ""}, {"drop", "drop=0.01", ""}, {"corrupt", "corrupt=0.01,one-way=true", ""}, {"split", "split=0.3", ""},
		{"glue", "glue=60ms", ""}, {"delay", "delay=50ms,jitter=20ms", ""}, {"freeze", "", "freeze"}, {"mute", "", "mute"},
		{"deaf", "", "deaf"}, {"babble", "", "babble"}, {"unplug", "", "unplug"}, {"reboot", "", "reboot"},
		{"replugs", "unplug-every=1s,unplug-for=300ms", ""}, {"reboots", "reboot-every=1300ms,reboot-for=200ms", ""},
		{"everything", "drop=0.003,split=0.1,delay=10ms,jitter=5ms,unplug-every=4s,unplug-for=500ms,mute-every=3s,mute-for=300ms", ""}}
}

// The same for the protocols that the tests of this package have types of.
func TestEveryProtocolUnderEveryFault(t *testing.T) {
	for name, text := range map[string]string{"scpi": psu, "modbus": controller, "firmata": bench} {
		typ, ps := ParseType("test.yaml", []byte(text))
		if err := ps.Err(); err != nil {
			t.Fatal(err)
		}
		t.Run(name, func(t *testing.T) { everyTrouble(t, typ) })
	}
}

// Whatever happens on the line of whatever device: the supervisor comes back to
// live and safe, counts what was lost, and says confirmed of nothing that the
// device has not done.
func TestEveryTypeUnderEveryFault(t *testing.T) {
	reg, err := NewRegistry()
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range reg.Names() {
		typ, err := reg.Type(name, "")
		if err != nil {
			t.Fatal(err)
		}
		t.Run(name, func(t *testing.T) { everyTrouble(t, typ) })
	}
}

func everyTrouble(t *testing.T, typ *Type) {
	typ, err := typ.narrowed(&config.Device{ID: "d"})
	if err != nil {
		t.Fatal(err)
	}
	for i, tr := range troubles() {
		if underRace && i%5 != 0 {
			continue // the code is the same, the order of events too
		}
		t.Run(tr.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) { underFault(t, typ, tr) })
		})
	}
}

// unproved are commands whose only answer is a report that comes anyway.
var unproved = map[string]bool{"truss.tare": true}

// hurt is a rig whose line can be broken.
type hurt struct {
	*simRig
	sim  *Simulated
	rand *rand.Rand
	asks int
	sure int // of them confirmed
	// cleared is how often somebody had to end a quarantine.
	cleared int
	// told are the commands whose parameters the simulated device knows.
	told map[string]bool
}

func underFault(t *testing.T, typ *Type, tr trouble) {
	s, err := NewSimulated(typ, SimulatedOptions{Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { time.Sleep(time.Second) }) // what is still on the line gets its time
	h := &hurt{simRig: newSimRigOn(t, typ, s), sim: s, rand: rand.New(rand.NewPCG(1, 2))}
	h.until("live", live)
	h.learn()
	before := h.Status().Counts

	long := max(6*time.Second, 2*typ.Stale+time.Second) // until anybody must notice
	var f faults.Faults
	if spell := tr.kind == "reboot"; spell {
		f.Spells[faults.Reboot].For = long / 2
	}
	for word := range strings.SplitSeq(tr.set, ",") {
		if k, v, ok := strings.Cut(word, "="); ok {
			if err := f.Set(k, v); err != nil {
				t.Fatal(err)
			}
		}
	}
	s.Change(f)
	kind, spell := faults.KindOf(tr.kind)
	if spell {
		s.Begin(kind)
	}
	for end := time.Now().Add(long); time.Now().Before(end); {
		h.pester()
		time.Sleep(100 * time.Millisecond)
	}
	if spell {
		s.End(kind)
	}
	s.Change(faults.Faults{})
	h.recovers()
	if tr.name == "none" && h.cleared > 0 {
		t.Error("quarantined without a reason")
	}

	after, n := h.Status().Counts, s.Count()
	lost := after.Lost + after.Garbage + after.Reconnects - before.Lost - before.Garbage - before.Reconnects
	// Some losses nobody can tell: a whole message of many, a letter of a label, the
	// digit of a number, a silence that is shorter than what makes a device stale.
	tells := typ.AutoChannel == nil && typ.Protocol.Floats == nil
	if (n.Unplugs > 0 || n.Silenced > 0 && spell || n.Dropped+n.Corrupted > 30 && tells) && lost == 0 {
		t.Errorf("nothing counted as lost: %+v after %+v", after, n)
	}
	t.Logf("known %v; %d of %d commands confirmed; %+v; lost %d, garbage %d, reconnects %d", h.told, h.sure, h.asks, n,
		after.Lost-before.Lost, after.Garbage-before.Garbage, after.Reconnects-before.Reconnects)
}

// learn finds, on a good line, which parameters the simulated device shows.
func (h *hurt) learn() {
	h.told = map[string]bool{}
	for n := range 3 {
		for i := range h.typ.Commands {
			c := &h.typ.Commands[i]
			values, ok := h.drive(c)
			h.told[c.ID] = (n == 0 || h.told[c.ID]) && ok && h.has(c, values) == "" && c.tells() && !unproved[h.typ.Name+"."+c.ID]
			time.Sleep(300 * time.Millisecond)
		}
	}
	time.Sleep(time.Second)
}

// tells says whether a command is confirmed by what only a device that obeyed
// would say.
func (c *Command) tells() bool {
	for i := range c.Shows {
		if w, ok := c.Shows[i].Equals.(string); ok && strings.HasPrefix(w, "$") {
			return true
		}
	}
	return len(c.Shows) == 0
}

// drive asks for something, and says whether it was confirmed.
func (h *hurt) drive(c *Command) (values []any, confirmed bool) {
	if h.HeartBeat(ann, h.fence) != nil {
		l, err := h.Take(h.t.Context(), ann)
		if err != nil {
			return nil, false
		}
		h.fence = l.Fence
	}
	for i := range c.Params {
		p := &c.Params[i]
		if len(p.Choices) > 0 {
			values = append(values, p.Choices[h.rand.IntN(len(p.Choices))].ID)
			continue
		}
		step := p.Step
		if step == 0 {
			step = 1
		}
		n := math.Floor((p.Range[1] - p.Range[0]) / step)
		values = append(values, p.Range[0]+step*math.Floor(h.rand.Float64()*(n+1)))
	}
	res, err := h.ask(c.ID, values...)
	return values, err == nil && res.Outcome == edge.OutcomeConfirmed
}

// has says in what the device differs from what a command asked; "" in nothing.
func (h *hurt) has(c *Command, values []any) string {
	for i := range c.Params {
		p := &c.Params[i]
		got, err := h.sim.Param(h.t.Context(), c.ID+"."+p.ID)
		if err != nil {
			return err.Error() // a plant
		}
		want, _ := number(values[i])
		tolerance := 1e-9
		for k := range p.Choices {
			if p.Choices[k].ID == values[i] {
				want = p.Choices[k].value(k)
			}
		}
		if p.Range != nil {
			tolerance += (p.Range[1] - p.Range[0]) / 250 // as fine as a byte, or finer
		}
		if math.Abs(got-want) > tolerance {
			return fmt.Sprintf("%s %v is confirmed, but the device has %g", c.ID, values, got)
		}
	}
	return ""
}

// pester drives, and checks what it is told.
func (h *hurt) pester() {
	if len(h.typ.Commands) == 0 {
		return
	}
	c := &h.typ.Commands[h.rand.IntN(len(h.typ.Commands))]
	h.asks++
	boots := h.sim.Count().Reboots
	values, ok := h.drive(c)
	if !ok {
		return
	}
	h.sure++
	if h.sim.Active(faults.Reboot) || h.sim.Count().Reboots > boots {
		return // it has forgotten again
	}
	if wrong := h.has(c, values); h.told[c.ID] && wrong != "" {
		h.t.Error(wrong)
	}
}

// recovers waits until the device is live and known to be safe.
func (h *hurt) recovers() {
	h.t.Helper()
	safe := h.typ.Safe != nil && len(h.typ.Safe.Steps) > 0
	if l := h.Status().Lease; l != nil {
		_ = h.Release(ann, h.fence)
	}
	again := func(st edge.Status) bool { return live(st) && (!safe || st.Safe == edge.SafeConfirmed) }
	for end := time.Now().Add(2 * time.Minute); !again(h.Status()); time.Sleep(20 * time.Millisecond) {
		if h.Status().State == edge.StateQuarantined {
			h.cleared++
			_ = h.Clear(h.t.Context(), tea)
		}
		if st := h.Status(); time.Now().After(end) {
			h.t.Fatalf("never live and safe again: %s, safe %s, reason %v, counts %+v", st.State, st.Safe, st.Reason, st.Counts)
		}
	}
	// A question whose answer is lost may hold the line for as long as it may take.
	before := h.Status().Counts.Samples
	for end := time.Now().Add(30 * time.Second); h.Status().Counts.Samples < before+2 || !again(h.Status()); time.Sleep(20 * time.Millisecond) {
		if st := h.Status(); time.Now().After(end) {
			h.t.Fatalf("then %s, %d samples", st.State, st.Counts.Samples-before)
		}
	}
}
