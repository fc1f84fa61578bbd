package devices

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"labbox/edge"
)

// Recorder keeps runs; the owner asks it on behalf of those who may.
// StopRun and Annotate are for whose run it is, and for teachers.
type Recorder interface {
	StartRun(ctx context.Context, device string, by edge.Actor, ask edge.RunAsk, c *edge.Contract) (*edge.Run, error)
	StopRun(ctx context.Context, device string, by edge.Actor, id string) (*edge.Run, error)
	Annotate(ctx context.Context, device string, by edge.Actor, id, text string, at time.Duration) error
}

// OwnerConfig is what an owner process needs.
type OwnerConfig struct {
	Box      string
	Bus      edge.Bus
	Shared   edge.KV // where copies for others lie
	Clock    edge.Clock
	Recorder Recorder
	Logger   *slog.Logger
	// Presence is what Claim and Run tell of this process; without an Instance
	// nothing is told.
	Presence edge.Presence
}

// Owner owns all devices of a process: it answers requests from the Bus, beats,
// and publishes what its supervisors say. It decides nothing itself.
type Owner struct {
	cfg    OwnerConfig
	owner  uint32
	mu     sync.Mutex
	sups   map[string]*Supervisor
	copies map[string][]byte         // KV copies that wait to be written, newest wins
	known  map[string]*edge.Contract // that are copied, by hash
	now    map[string]string         // the hash that each device has
	dirty  chan struct{}
	out    *outbox
	tick   atomic.Pointer[edge.Tick] // the newest that every device knows
	coming atomic.Pointer[edge.Tick] // the newest that some may know
	twins  rehearsals
}

const (
	tickEvery   = 250 * time.Millisecond
	statusEvery = 4 // ticks
	// contractTimeout bounds how long a contract's copy holds up other news.
	contractTimeout = 500 * time.Millisecond
)

// NewOwner returns an owner without devices.
func NewOwner(cfg OwnerConfig) *Owner {
	return &Owner{cfg: cfg, owner: rand.Uint32(), sups: map[string]*Supervisor{}, copies: map[string][]byte{},
		known: map[string]*edge.Contract{}, now: map[string]string{}, dirty: make(chan struct{}, 1), out: newOutbox()}
}

// Add takes a supervisor; call it before Run.
func (o *Owner) Add(s *Supervisor) {
	s.OnChange(func(st edge.Status) { o.publishStatus(s, st) })
	o.sups[s.ID()] = s
}

// Run serves until ctx ends, then makes every device safe and returns. It ends
// early, in the same way, where the box's name turns out to be another's
// (CodeNameTaken).
func (o *Owner) Run(ctx context.Context) error {
	ctx, end := context.WithCancelCause(ctx)
	defer end(nil)
	do, err := o.cfg.Bus.Serve(edge.Subject(o.cfg.Box, "*", edge.KindDo), o.serve)
	if err != nil {
		return err
	}
	defer do.Close()
	// The emergency stop has a path of its own.
	stop, err := o.cfg.Bus.Serve(edge.Subject(o.cfg.Box, "*", edge.KindStop), o.serve)
	if err != nil {
		return err
	}
	defer stop.Close()

	for _, s := range o.sups { // before the first status that names them
		o.Stream(s.ID(), 0, s.Contract())
	}
	copyCtx, copied := context.WithCancel(context.WithoutCancel(ctx))
	var wg, copying sync.WaitGroup
	copying.Go(func() { o.copyLoop(copyCtx) })
	ended, sent := make(chan struct{}), make(chan struct{})
	go func() { defer close(sent); o.out.run(context.WithoutCancel(ctx), ended) }()
	for _, s := range o.sups {
		wg.Go(func() { s.Run(ctx) })
	}
	o.twins.start(ctx)
	wg.Go(func() { o.twins.watch(ctx, o.cfg.Clock) })
	var taken error
	var present sync.WaitGroup
	present.Go(func() {
		if taken = o.present(ctx); taken != nil {
			end(taken)
		}
	})
	safe := make(chan struct{})
	go func() { wg.Wait(); close(safe) }()
	o.beat(safe)
	copied()
	copying.Wait()
	present.Wait()
	close(ended)
	select {
	case <-sent:
	case <-time.After(outboxEnd): // a broker that takes nothing
	}
	return taken
}

// beat ticks until every supervisor has ended: devices are still told the time
// while they are made safe.
func (o *Owner) beat(until <-chan struct{}) {
	t := time.NewTicker(tickEvery)
	defer t.Stop()
	subject := edge.Subject(o.cfg.Box, edge.OwnerName, edge.KindTick)
	for n := uint64(1); ; n++ {
		tick := edge.Tick{Owner: o.owner, N: n, MonoMS: o.cfg.Clock.Mono().Milliseconds()}
		o.coming.Store(&tick)
		o.each(func(s *Supervisor) { s.Beat(tick, n%statusEvery == 1) })
		o.tick.Store(&tick) // who names it is known to every device
		o.publish(subject, tick)
		select {
		case <-t.C:
		case <-until:
			return
		}
	}
}

// publish queues news. When the broker is away the KV copy and the next tick
// catch up.
func (o *Owner) publish(subject string, v any) []byte {
	body, err := json.Marshal(v)
	if err != nil {
		o.cfg.Logger.Error("message not encoded", "subject", subject, "error", err)
		return nil
	}
	o.out.put(len(body), func(ctx context.Context) { _ = o.cfg.Bus.Publish(ctx, subject, body) })
	return body
}

// publishStatus runs under the supervisor's lock: it must not block or call back.
func (o *Owner) publishStatus(_ *Supervisor, st edge.Status) {
	body := o.publish(edge.Subject(o.cfg.Box, st.Device, edge.KindState), st)
	if st.Rehearsal != nil {
		return
	}
	o.copyLater(edge.StatusKey(o.cfg.Box, st.Device), body)
}

func (o *Owner) copyLater(key string, body []byte) {
	o.mu.Lock()
	o.copies[key] = body
	o.mu.Unlock()
	select {
	case o.dirty <- struct{}{}:
	default:
	}
}

// copyLoop writes copies to the KV, at most every second per burst, so that a
// slow store never slows a device.
func (o *Owner) copyLoop(ctx context.Context) {
	for {
		select {
		case <-o.dirty:
		case <-ctx.Done():
			o.copyNow()
			return
		}
		o.copyNow()
		select {
		case <-time.After(250 * time.Millisecond):
		case <-ctx.Done():
		}
	}
}

func (o *Owner) copyNow() {
	o.mu.Lock()
	batch := o.copies
	o.copies = map[string][]byte{}
	o.mu.Unlock()
	ctx, cancel := context.WithTimeout(context.Background(), storeTimeout)
	defer cancel()
	for key, body := range batch {
		if err := o.cfg.Shared.Set(ctx, key, body, 0); err != nil {
			o.keep(batch)
			return
		}
		delete(batch, key)
	}
}

// keep takes back what could not be copied, unless something newer is there.
func (o *Owner) keep(batch map[string][]byte) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for key, body := range batch {
		if _, newer := o.copies[key]; !newer {
			o.copies[key] = body
		}
	}
}

// Stream implements edge.Sink: a contract is copied before its frames are seen.
func (o *Owner) Stream(device string, _ uint32, c *edge.Contract) {
	o.mu.Lock()
	_, seen := o.known[c.Hash]
	o.known[c.Hash] = c
	before := o.now[device]
	o.now[device] = c.Hash
	used := false
	for _, hash := range o.now {
		used = used || hash == before
	}
	if !used {
		delete(o.known, before)
	}
	o.mu.Unlock()
	if seen {
		return
	}
	body, err := json.Marshal(c)
	if err != nil {
		o.cfg.Logger.Error("contract not encoded", "type", c.Type, "error", err)
		return
	}
	// In the queue it comes before the first status and frame that name it.
	o.out.put(len(body), func(ctx context.Context) {
		ctx, cancel := context.WithTimeout(ctx, contractTimeout)
		defer cancel()
		if err := o.cfg.Shared.Set(ctx, edge.ContractKey(o.cfg.Box, c.Hash), body, 0); err != nil {
			o.cfg.Logger.Warn("contract not copied yet", "error", err)
			o.copyLater(edge.ContractKey(o.cfg.Box, c.Hash), body)
		}
	})
}

// Frame implements edge.Sink.
func (o *Owner) Frame(device string, f []byte) {
	subject, f := edge.Subject(o.cfg.Box, device, edge.KindLive), bytes.Clone(f)
	o.out.put(len(f), func(ctx context.Context) { _ = o.cfg.Bus.Publish(ctx, subject, f) })
}

// Event implements edge.Sink.
func (o *Owner) Event(device string, e *edge.Event) {
	o.publish(edge.Subject(o.cfg.Box, device, edge.KindEvent), e)
}

// serve answers one request.
func (o *Owner) serve(ctx context.Context, m edge.Msg) ([]byte, error) {
	_, device, kind, ok := edge.ParseSubject(m.Subject)
	if !ok {
		return nil, edge.Errorf(edge.CodeBadRequest, "subject %q", m.Subject)
	}
	var ask edge.Ask
	if err := json.Unmarshal(m.Data, &ask); err != nil {
		return nil, edge.Errorf(edge.CodeBadRequest, "request is not JSON of an Ask: %w", err)
	}
	if ask.Device != device {
		return nil, edge.Errorf(edge.CodeBadRequest, "request for %q came on the subject of %q", ask.Device, device)
	}
	if kind == edge.KindStop && ask.Verb != edge.VerbStop {
		return nil, edge.Errorf(edge.CodeBadRequest, "only stops may come here")
	}
	ans, err := o.Do(ctx, &ask)
	if err != nil {
		return nil, err
	}
	return json.Marshal(ans)
}

// Do carries out one request. It is safe for concurrent use.
func (o *Owner) Do(ctx context.Context, ask *edge.Ask) (*edge.Answer, error) {
	s, ok := o.sup(ask.Device, ask.Actor)
	if !ok {
		return nil, edge.Errorf(edge.CodeUnknownDevice, "no device %q on %s", ask.Device, o.cfg.Box)
	}
	if mustBeFresh(ask.Verb) {
		if err := s.heardLately(ask.Tick); err != nil {
			return nil, err
		}
	}
	ask = s.ownTeacher(ask)
	if ans, ok, err := s.turnAsk(ctx, ask); ok {
		return ans, err
	}
	switch ask.Verb {
	case edge.VerbRelease:
		return &edge.Answer{}, s.Release(ask.Actor, ask.Fence)
	case edge.VerbBeat:
		return &edge.Answer{}, s.HeartBeat(ask.Actor, ask.Fence)
	case edge.VerbCommand:
		if ask.Command == nil {
			return nil, edge.Errorf(edge.CodeBadRequest, "no command")
		}
		r, err := s.Command(ctx, ask.Actor, ask.Fence, ask.Command)
		return &edge.Answer{Result: r}, err
	case edge.VerbStop:
		r, err := s.Stop(ctx, ask.Actor)
		return &edge.Answer{Stop: r}, err
	case edge.VerbResume:
		return &edge.Answer{}, s.Resume(ask.Actor)
	case edge.VerbClear:
		return &edge.Answer{}, s.Clear(ctx, ask.Actor)
	case edge.VerbRehearse:
		id, err := o.rehearse(s, ask.Actor)
		return &edge.Answer{Device: id}, err
	case edge.VerbNarrow:
		if err := s.Narrow(ctx, ask.Actor, ask.Limits); err != nil {
			return nil, err
		}
		o.twins.narrow(ctx, s.ID(), ask)
		return &edge.Answer{}, nil
	case edge.VerbRunStart, edge.VerbRunStop, edge.VerbAnnotate:
		r, err := o.runs(ctx, s, ask)
		return &edge.Answer{Run: r}, err
	}
	return nil, edge.Errorf(edge.CodeUnknownOp, "no verb %q", ask.Verb)
}

func (o *Owner) runs(ctx context.Context, s *Supervisor, ask *edge.Ask) (*edge.Run, error) {
	if err := edge.Authorize(ask.Actor, ask.Verb, s.ID()); err != nil {
		return nil, err
	}
	if s.cfg.Rehearsal != nil {
		return nil, edge.Errorf(edge.CodeForbidden, "a rehearsal is not recorded").WithHint("record on the device itself")
	}
	r := ask.Run
	if r == nil {
		r = &edge.RunAsk{}
	}
	// Whose run it is the recorder looks; who drives may end what is recorded of it, so
	// that nobody who has left keeps the next one from recording.
	by := ask.Actor
	if l := s.Status().Lease; l != nil && (l.Holder.ID == by.Seat || l.Partner != nil && l.Partner.ID == by.Seat) {
		by.Role = edge.RoleTeacher
	}
	switch ask.Verb {
	case edge.VerbRunStart:
		run, err := o.cfg.Recorder.StartRun(ctx, s.ID(), ask.Actor, *r, s.Contract())
		if err != nil {
			return nil, err
		}
		s.SetRun(run.ID)
		s.Note("run", &ask.Actor, map[string]any{"what": "start", "run": run.ID, "name": run.Name})
		return run, nil
	case edge.VerbRunStop:
		run, err := o.cfg.Recorder.StopRun(ctx, s.ID(), by, r.ID)
		if err != nil {
			return nil, err
		}
		s.SetRun("")
		s.Note("run", &ask.Actor, map[string]any{"what": "stop", "run": run.ID})
		return run, nil
	}
	if err := o.cfg.Recorder.Annotate(ctx, s.ID(), by, r.ID, r.Text, o.cfg.Clock.Mono()); err != nil {
		return nil, err
	}
	s.Note("note", &ask.Actor, map[string]any{"run": r.ID, "text": r.Text})
	return nil, nil
}
