package experimenttest

import (
	"context"
	"strings"
	"sync"
	"time"

	"labbox/edge"
)

// Device is a fake device with its owner: it gives leases, obeys commands and
// counts how often each experiment reached it.
type Device struct {
	mu      sync.Mutex
	id      string
	fence   uint64
	lease   *edge.LeaseInfo
	stopped *edge.Stop
	state   edge.State
	safe    string
	beats   int
	reached map[string]int // commands named "first" by experiment
	order   []string       // experiments in the order of their first command
	values  []float64
	runs    int
	hold    chan struct{} // closed: commands named "first" answer at once
	held    chan string   // told when one is held
	fail    map[string]*edge.Error
}

// Owner is the fake owner of several devices: an experiment.Driver.
type Owner struct {
	mu      sync.Mutex
	n       uint64
	start   time.Time
	devices map[string]*Device
}

func newOwner(ids ...string) *Owner {
	o := &Owner{start: time.Now(), devices: map[string]*Device{}}
	for _, id := range ids {
		open := make(chan struct{})
		close(open)
		o.devices[id] = &Device{id: id, state: edge.StateLive, safe: edge.SafeConfirmed, reached: map[string]int{}, hold: open,
			held: make(chan string, 100), fail: map[string]*edge.Error{}}
	}
	return o
}

// contract is that of every fake device.
func contract() *edge.Contract {
	return &edge.Contract{Type: "fake", Hash: "fake-1", Drivable: true, GraceMS: 2000, KeepMS: 30000,
		Channels: []edge.Channel{{ID: "x", Scale: 1}},
		Commands: []edge.CommandSpec{
			{ID: "first", TimeoutMS: 1000, Params: []edge.Param{}},
			{ID: "move", TimeoutMS: 1000, Params: []edge.Param{
				{ID: "to", Type: edge.ParamFloat, Min: -10, Max: 10, Default: edge.Number(0), SlewPS: 100},
				{ID: "how", Type: edge.ParamChoice, Default: edge.Word("soft"), Choices: []edge.Choice{{ID: "soft"}, {ID: "hard"}}}}},
			{ID: "count", TimeoutMS: 1000, RatePerS: 5, Params: []edge.Param{{ID: "n", Type: edge.ParamInt, Min: 0, Max: 100, Default: edge.Number(1)}}},
		}}
}

// Contract implements experiment.Driver.
func (o *Owner) Contract(device string) *edge.Contract {
	if o.devices[device] == nil {
		return nil
	}
	return contract()
}

// Tick implements experiment.Driver.
func (o *Owner) Tick() edge.Tick {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.n++
	return edge.Tick{Owner: 1, N: o.n, MonoMS: time.Since(o.start).Milliseconds()}
}

// Status implements experiment.Driver.
func (o *Owner) Status(device string) (edge.Status, bool) {
	d := o.devices[device]
	if d == nil {
		return edge.Status{}, false
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	st := edge.Status{Device: device, State: d.state, Safe: d.safe, Stopped: d.stopped}
	if d.lease != nil {
		l := *d.lease
		st.Lease = &l
	}
	return st, true
}

// Do implements experiment.Driver.
func (o *Owner) Do(ctx context.Context, ask *edge.Ask) (*edge.Answer, error) {
	d := o.devices[ask.Device]
	if d == nil {
		return nil, edge.Errorf(edge.CodeUnknownDevice, "no device %s", ask.Device)
	}
	if err := edge.Authorize(ask.Actor, ask.Verb, ask.Device); err != nil {
		return nil, err
	}
	if ask.Verb == edge.VerbCommand {
		return d.command(ctx, ask)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	switch ask.Verb {
	case edge.VerbTake:
		return d.take(ask)
	case edge.VerbBeat:
		d.beats++
		return &edge.Answer{}, d.holds(ask)
	case edge.VerbRelease:
		if err := d.holds(ask); err != nil {
			return nil, err
		}
		d.lease, d.safe = nil, edge.SafeConfirmed
		return &edge.Answer{}, nil
	case edge.VerbRunStart:
		d.runs++
		return &edge.Answer{Run: &edge.Run{ID: "run-" + strings.TrimPrefix(ask.Actor.Seat, "experiment:"), Name: ask.Run.Name}}, nil
	case edge.VerbRunStop:
		return &edge.Answer{Run: &edge.Run{ID: ask.Run.ID}}, nil
	}
	return nil, edge.Errorf(edge.CodeUnknownOp, "no verb %s", ask.Verb)
}

func (d *Device) take(ask *edge.Ask) (*edge.Answer, error) {
	switch {
	case d.stopped != nil:
		return nil, edge.Errorf(edge.CodeStopped, "stopped")
	case d.state != edge.StateLive:
		return nil, edge.Errorf(edge.CodeNotReady, "the device is %s", d.state)
	case d.lease != nil && d.lease.Holder.ID != ask.Actor.Seat:
		return nil, edge.Errorf(edge.CodeLeaseTaken, "%s drives", d.lease.Holder.Name)
	case d.lease == nil:
		d.fence++
		d.lease = &edge.LeaseInfo{Holder: ask.Actor.Ref(), Fence: d.fence}
	}
	l := *d.lease
	return &edge.Answer{Lease: &l}, nil
}

func (d *Device) holds(ask *edge.Ask) error {
	if d.lease == nil || d.lease.Holder.ID != ask.Actor.Seat || d.lease.Fence != ask.Fence {
		return edge.Errorf(edge.CodeNotHolder, "%s does not drive", ask.Actor.Name)
	}
	return nil
}

func (d *Device) command(ctx context.Context, ask *edge.Ask) (*edge.Answer, error) {
	d.mu.Lock()
	err := d.holds(ask)
	if err == nil && d.stopped != nil {
		err = edge.Errorf(edge.CodeStopped, "stopped")
	}
	c, hold := ask.Command, d.hold
	if err == nil && d.fail[c.Name] != nil {
		err = d.fail[c.Name]
	}
	if err == nil {
		d.safe = edge.SafePending
		switch c.Name {
		case "first":
			id := strings.TrimPrefix(ask.Actor.Seat, "experiment:")
			d.reached[id]++
			d.order = append(d.order, id)
			select {
			case d.held <- id:
			default:
			}
		case "move":
			x, _ := c.Args["to"].Number()
			d.values = append(d.values, x)
		case "count":
			x, _ := c.Args["n"].Number()
			d.values = append(d.values, x)
		}
	}
	d.mu.Unlock()
	if err != nil {
		return nil, err
	}
	if c.Name == "first" {
		select {
		case <-hold:
		case <-ctx.Done():
			return nil, edge.Errorf(edge.CodeUnknownOutcome, "nobody waited")
		}
	}
	return &edge.Answer{Result: &edge.CommandResult{Command: c.Name, Key: c.Key, Outcome: edge.OutcomeConfirmed, Reply: "ok " + c.Name, TookUS: 1}}, nil
}

// change runs fn under the device's lock.
func (o *Owner) change(device string, fn func(d *Device)) {
	d := o.devices[device]
	d.mu.Lock()
	defer d.mu.Unlock()
	fn(d)
}

// keep makes the commands named "first" wait until the returned function is called.
func (o *Owner) keep(device string) (letGo func()) {
	ch := make(chan struct{})
	o.change(device, func(d *Device) { d.hold = ch })
	return sync.OnceFunc(func() { close(ch) })
}

// reboot is what the owner's own restart does: the lease is gone, the device safe.
func (o *Owner) reboot() {
	for id := range o.devices {
		o.change(id, func(d *Device) { d.lease, d.safe = nil, edge.SafeConfirmed })
	}
}

// reachedBy is how often an experiment's first command came, on any device.
func (o *Owner) reachedBy(id string) (n int) {
	for dev := range o.devices {
		o.change(dev, func(d *Device) { n += d.reached[id] })
	}
	return n
}

// reachedAll is how many first commands came in all.
func (o *Owner) reachedAll() (n int) {
	for dev := range o.devices {
		o.change(dev, func(d *Device) { n += len(d.order) })
	}
	return n
}
