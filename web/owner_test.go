package web_test

import (
	"context"
	"encoding/json"
	"io"
	"math"
	"sync"
	"testing"
	"time"

	"labbox/edge"
	"labbox/edge/frame"
)

const boxName = "bench"

// fakeOwner stands in for the process that owns the devices.
type fakeOwner struct {
	t     testing.TB
	bus   *fakeBus
	kv    *fakeKV
	clock edge.Clock

	mu      sync.Mutex
	devices map[string]*fakeDevice
	tick    edge.Tick
	asks    []edge.Ask
	beats   map[string][]time.Duration
	block   chan struct{} // commands wait for it, where it is set
}

type fakeDevice struct {
	status   edge.Status
	contract edge.Contract
	build    *frame.Builder
	fence    uint64
}

func newOwner(t testing.TB, bus *fakeBus, kv *fakeKV, clock edge.Clock) *fakeOwner {
	o := &fakeOwner{t: t, bus: bus, kv: kv, clock: clock, devices: map[string]*fakeDevice{}, beats: map[string][]time.Duration{},
		tick: edge.Tick{Owner: 7}}
	for _, kind := range []string{edge.KindDo, edge.KindStop} {
		if _, err := bus.Serve(edge.Subject(boxName, "*", kind), o.do); err != nil {
			t.Fatal(err)
		}
	}
	return o
}

func contractOf(hash string, channels ...string) edge.Contract {
	c := edge.Contract{Type: "pendulum", Hash: hash, Label: edge.Text{"en": "Pendulum"}, Drivable: true, StaleMS: 1000, GraceMS: 2000, KeepMS: 30000,
		Commands: []edge.CommandSpec{{ID: "drive", Label: edge.Text{"en": "Drive"}, Confirm: "reply", TimeoutMS: 500,
			Params: []edge.Param{{ID: "power", Type: edge.ParamFloat, Min: -100, Max: 100}}}}}
	for _, id := range channels {
		c.Channels = append(c.Channels, edge.Channel{ID: id, Scale: 1, Format: "f32"})
	}
	return c
}

// plug makes a device appear.
func (o *fakeOwner) plug(id string, c edge.Contract) {
	cols := make([]frame.Column, len(c.Channels))
	for i := range cols {
		cols[i] = frame.Column{Index: uint16(i), Format: frame.F32}
	}
	o.mu.Lock()
	o.devices[id] = &fakeDevice{contract: c, build: frame.NewBuilder(uint64(100+len(o.devices)), 1, 0, cols, false),
		status: edge.Status{Box: boxName, Device: id, Name: id, Type: c.Type, Contract: c.Hash, State: edge.StateLive, Safe: edge.SafeConfirmed,
			Stream: edge.StreamInfo{ID: uint64(100 + len(o.devices)), Epoch: 1}}}
	o.mu.Unlock()
	b, _ := json.Marshal(c)
	_ = o.kv.Set(context.Background(), edge.ContractKey(boxName, c.Hash), b, 0)
	o.publish(id)
}

// restart begins a new epoch, with another contract.
func (o *fakeOwner) restart(id string, epoch uint32, c edge.Contract) {
	cols := make([]frame.Column, len(c.Channels))
	for i := range cols {
		cols[i] = frame.Column{Index: uint16(i), Format: frame.F32}
	}
	b, _ := json.Marshal(c)
	_ = o.kv.Set(context.Background(), edge.ContractKey(boxName, c.Hash), b, 0)
	o.mu.Lock()
	d := o.devices[id]
	d.contract, d.status.Contract, d.status.Stream.Epoch = c, c.Hash, epoch
	d.build.Restart(epoch, cols, false)
	o.mu.Unlock()
}

// publish says a device's status on the Bus and copies it to the store.
func (o *fakeOwner) publish(id string) {
	o.mu.Lock()
	b, _ := json.Marshal(o.devices[id].status)
	o.mu.Unlock()
	_ = o.kv.Set(context.Background(), edge.StatusKey(boxName, id), b, 0)
	_ = o.bus.Publish(context.Background(), edge.Subject(boxName, id, edge.KindState), b)
}

func (o *fakeOwner) beatTick() {
	o.mu.Lock()
	o.tick.N++
	o.tick.MonoMS = o.clock.Mono().Milliseconds()
	b, _ := json.Marshal(o.tick)
	o.mu.Unlock()
	_ = o.bus.Publish(context.Background(), edge.Subject(boxName, edge.OwnerName, edge.KindTick), b)
}

// sample publishes n samples whose first channel is their number, in one frame.
func (o *fakeOwner) sample(id string, from, n int) {
	_ = o.bus.Publish(context.Background(), edge.Subject(boxName, id, edge.KindLive), o.encode(id, from, n, 0))
}

func (o *fakeOwner) encode(id string, from, n int, lost uint32) []byte {
	o.mu.Lock()
	defer o.mu.Unlock()
	d := o.devices[id]
	if lost != 0 {
		d.build.Lose(lost)
	}
	vals := make([]float64, len(d.contract.Channels))
	for i := range n {
		for c := range vals {
			vals[c] = float64(from+i) + float64(c)/8
		}
		d.build.Add(time.Duration(from+i)*time.Millisecond, math.NaN(), vals)
	}
	b := d.build.AppendFrame(nil)
	d.status.Stream.Seq += uint64(n) + uint64(lost)
	return b
}

func (o *fakeOwner) event(id string, e edge.Event) {
	b, _ := json.Marshal(e)
	_ = o.bus.Publish(context.Background(), edge.Subject(boxName, id, edge.KindEvent), b)
}

func (o *fakeOwner) do(ctx context.Context, m edge.Msg) ([]byte, error) {
	var a edge.Ask
	if err := json.Unmarshal(m.Data, &a); err != nil {
		return nil, edge.Errorf(edge.CodeBadRequest, "%v", err)
	}
	_, _, kind, _ := edge.ParseSubject(m.Subject)
	if (kind == edge.KindStop) != (a.Verb == edge.VerbStop) {
		return nil, edge.Errorf(edge.CodeBadRequest, "%s on %s", a.Verb, kind)
	}
	o.mu.Lock()
	block := o.block
	o.mu.Unlock()
	if a.Verb == edge.VerbCommand && block != nil {
		select {
		case <-block:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	answer, changed, err := o.answer(a)
	if err != nil {
		return nil, err
	}
	if changed {
		o.publish(a.Device)
	}
	return json.Marshal(answer)
}

func (o *fakeOwner) answer(a edge.Ask) (ans edge.Answer, changed bool, err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if a.Verb != edge.VerbBeat {
		o.asks = append(o.asks, a)
	}
	d := o.devices[a.Device]
	l := d.status.Lease
	holds := l != nil && (l.Holder.ID == a.Actor.Seat || l.Partner != nil && l.Partner.ID == a.Actor.Seat)
	if err := edge.Authorize(a.Actor, a.Verb, a.Device); err != nil {
		return ans, false, err
	}
	switch a.Verb {
	case edge.VerbTake:
		if d.status.Lease != nil && !holds {
			return ans, false, edge.Errorf(edge.CodeLeaseTaken, "%s drives", d.status.Lease.Holder.Name).With("holder", d.status.Lease.Holder.Name)
		}
		if !holds {
			d.fence++
			d.status.Lease = &edge.LeaseInfo{Holder: a.Actor.Ref(), Fence: d.fence}
		}
		l := *d.status.Lease
		return edge.Answer{Lease: &l}, true, nil
	case edge.VerbStop:
		d.status.Stopped = &edge.Stop{By: a.Actor}
		return edge.Answer{Stop: &edge.StopResult{Latched: true, Confirmed: true}}, true, nil
	case edge.VerbResume, edge.VerbClear:
		d.status.Stopped = nil
		return ans, true, nil
	case edge.VerbRunStart, edge.VerbRunStop, edge.VerbAnnotate:
		return edge.Answer{Run: &edge.Run{ID: "r1", Device: a.Device, Name: a.Run.Name, State: "recording"}}, false, nil
	}
	if !holds {
		return ans, false, edge.Errorf(edge.CodeNotHolder, "not the holder")
	}
	if a.Fence != d.fence {
		return ans, false, edge.Errorf(edge.CodeStaleFence, "fence %d, not %d", a.Fence, d.fence)
	}
	switch a.Verb {
	case edge.VerbRelease:
		d.status.Lease = nil
		return ans, true, nil
	case edge.VerbBeat:
		o.beats[a.Device] = append(o.beats[a.Device], o.clock.Mono())
		return ans, false, nil
	case edge.VerbCommand:
		if a.Command.Tick.Owner != o.tick.Owner || a.Command.Tick.N+8 < o.tick.N {
			return ans, false, edge.Errorf(edge.CodeStaleTick, "tick %+v, now %+v", a.Command.Tick, o.tick)
		}
		if p, _ := a.Command.Args["power"].Number(); p > 100 {
			return ans, false, edge.Errorf(edge.CodeOutOfRange, "power %g", p).With("param", "power").With("max", 100.0)
		}
		return edge.Answer{Result: &edge.CommandResult{Command: a.Command.Name, Key: a.Command.Key, Outcome: edge.OutcomeConfirmed}}, false, nil
	}
	return ans, false, edge.Errorf(edge.CodeBadRequest, "verb %q", a.Verb)
}

func (o *fakeOwner) beatCount(id string) int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return len(o.beats[id])
}

// fakeRuns is a web.Runs with one run.
type fakeRuns struct {
	mu      sync.Mutex
	run     edge.Run
	frames  [][]byte
	ask     edge.FramesAsk // of the last Frames
	detail  edge.RunDetail
	picture edge.RunPicture
	deleted bool
	csvErr  error
}

func (f *fakeRuns) List(_ context.Context, device string) ([]edge.Run, error) {
	if device != "" && device != f.run.Device {
		return nil, nil
	}
	return []edge.Run{f.run}, nil
}

func (f *fakeRuns) Get(_ context.Context, id string) (edge.Run, error) {
	if id != f.run.ID {
		return edge.Run{}, edge.Errorf(edge.CodeUnknownRun, "no run %q", id)
	}
	return f.run, nil
}

func (f *fakeRuns) CSV(_ context.Context, _, lang string, w io.Writer) error {
	for range 3 {
		if _, err := io.WriteString(w, "seq,"+lang+"\r\n"); err != nil {
			return err
		}
	}
	return f.csvErr
}

func (f *fakeRuns) Frames(_ context.Context, _ string, ask edge.FramesAsk, fn func([]byte) error) error {
	f.mu.Lock()
	f.ask = ask
	f.mu.Unlock()
	for _, b := range f.frames {
		if err := fn(b); err != nil {
			return err
		}
	}
	return nil
}

func (f *fakeRuns) Detail(ctx context.Context, id string) (edge.RunDetail, error) {
	run, err := f.Get(ctx, id)
	d := f.detail
	d.Run = run
	return d, err
}

func (f *fakeRuns) Picture(ctx context.Context, id, camera string, t time.Duration) (edge.RunPicture, error) {
	if _, err := f.Get(ctx, id); err != nil {
		return edge.RunPicture{}, err
	}
	p := f.picture
	switch {
	case p.JPEG == nil:
		return p, edge.Errorf(edge.CodeNoPicture, "this run keeps no pictures").With("why", "none_kept")
	case camera != "" && camera != p.Camera:
		return p, edge.Errorf(edge.CodeUnknownCamera, "no camera %q", camera)
	}
	p.TimeMS = t.Milliseconds()
	return p, nil
}

func (f *fakeRuns) Delete(context.Context, string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.deleted = true
	return nil
}
