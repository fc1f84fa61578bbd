package devices

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"sync/atomic"
	"testing"
	"time"

	"pgregory.net/rapid"

	"labbox/edge"
	"labbox/edge/minikv"
	"labbox/edge/natsbus"
	"labbox/edge/rediskv"
	"labbox/edge/rediskv/redistest"
	"labbox/edge/turn"
)

// shaky is a store that refuses, or carries out and says otherwise.
type shaky struct {
	edge.KV
	refuse, lie bool
}

func (k *shaky) do(op func() error) error {
	if k.refuse {
		return edge.Errorf(edge.CodeStoreDown, "away")
	}
	err := op()
	if k.lie && err == nil {
		err = errors.New("the connection broke before the answer")
	}
	return err
}

func (k *shaky) Set(ctx context.Context, key string, v []byte, ttl time.Duration) error {
	return k.do(func() error { return k.KV.Set(ctx, key, v, ttl) })
}

func (k *shaky) Raise(ctx context.Context, key string, n uint64) (held uint64, err error) {
	err = k.do(func() (err error) { held, err = k.KV.Raise(ctx, key, n); return err })
	return held, err
}

const (
	lotGrace  = 2 * time.Second
	lotKeep   = 8 * time.Second
	lotUnseen = 10 * time.Second
	lotTick   = 500 * time.Millisecond
)

// lot is one device's lease and queue as the owner has them, over restarts of the
// owner, with the people around it, and a model that judges.
type lot struct {
	rt     *rapid.T
	box    string
	kv     *shaky
	clock  *edge.SystemClock
	ledger *Ledger
	k      *turn.Keeper
	now    time.Duration
	stands bool
	turns  int // how many there were, of those who waited

	seats  []edge.Actor
	here   map[string]bool
	number map[string]uint64        // the newest that a seat has heard of
	beat   map[string]time.Duration // the owner took its heartbeat
	budget map[string]time.Duration // who waits, and stays: until the turn must have come

	order map[string]int // who waits, stays and was handed nothing: when they came
	came  int

	last   uint64 // fencing number
	seat   string // of the present lease
	timed  bool
	used   time.Duration // of the turn
	wanted time.Duration // since when somebody who is there waits, in the clocks' time
}

// Never two drivers; numbers only grow; who waits and stays gets a turn within a
// bound; no lease outlives its time, nor a command its driver: under any order of
// what seats, a teacher and time do, restarts of the owner, stores that fail or lie
// and calendars that jump.
func propertyOfTurns(t *testing.T, kv edge.KV, clock *edge.SystemClock) {
	if f := flag.Lookup("rapid.checks"); f.Value.String() == f.DefValue {
		_ = f.Value.Set("60")
		defer func() { _ = f.Value.Set(f.DefValue) }()
	}
	n, turns := atomic.Int64{}, 0
	rapid.Check(t, func(rt *rapid.T) {
		l := newLot(rt, kv, clock, fmt.Sprintf("b%d", n.Add(1)))
		steps := map[string]func(){"pass": l.pass, "stall": l.stall, "come": l.come, "wait": l.wait, "take": l.take, "leave": l.leave,
			"release": l.release, "hand": l.hand, "pair": l.pair, "teach": l.teach, "store": l.store, "restart": l.restart, "wall": l.wall}
		names := []string{"wait", "pass", "wait", "come", "pass", "take", "pass", "release", "hand", "pair", "pass", "leave", "teach",
			"restart", "pass", "store", "stall", "wall", "wait", "pass"}
		for range rapid.IntRange(5, 60).Draw(rt, "steps") {
			steps[rapid.SampledFrom(names).Draw(rt, "step")]()
			l.check()
		}
		turns += l.turns
	})
	t.Logf("%d turns out of the queue in %d runs", turns, n.Load())
	if turns < int(n.Load())/2 {
		t.Error("the test calls too few to tell anything")
	}
}

func TestTurnsOnMinikv(t *testing.T) {
	srv, err := natsbus.Start(t.Context(), natsbus.Config{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	defer srv.Close()
	clock := edge.NewSystemClock()
	store, err := minikv.Open(t.Context(), minikv.Config{Server: srv, Clock: clock})
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	propertyOfTurns(t, store.KV(), clock)
}

func TestTurnsOnRedis(t *testing.T) {
	kv, err := rediskv.Open(t.Context(), redistest.Start(t).URL()+"?durable=1")
	if err != nil {
		t.Fatal(err)
	}
	defer kv.Close()
	propertyOfTurns(t, kv, edge.NewSystemClock())
}

func newLot(rt *rapid.T, kv edge.KV, clock *edge.SystemClock, box string) *lot {
	l := &lot{rt: rt, box: box, kv: &shaky{KV: kv}, clock: clock, here: map[string]bool{}, number: map[string]uint64{},
		beat: map[string]time.Duration{}, budget: map[string]time.Duration{}, order: map[string]int{}}
	for _, name := range []string{"a", "b", "c", "d"} {
		l.seats = append(l.seats, edge.Actor{Seat: name, Name: name, Role: edge.RoleStudent, Via: "panel"})
		l.here[name] = true
	}
	l.open()
	return l
}

func (l *lot) open() {
	ledger, err := NewLedger(context.Background(), l.box, l.kv, nil, slog.New(slog.NewTextHandler(io.Discard, nil)))
	if err != nil {
		l.rt.Fatal(err)
	}
	l.ledger = ledger
	l.k = turn.NewKeeper(turn.Config{Device: "p", Grace: lotGrace, Keep: lotKeep, Unseen: lotUnseen, Drop: time.Minute,
		Rules: edge.TurnRules{TurnMS: 20_000, WarnMS: 3_000, IdleMS: 7_000}})
	l.k.Restore(l.now, ledger.turns("p").Snapshot)
}

// unit is more than one turn of somebody who stands before can take.
func (l *lot) unit() time.Duration {
	return 40*time.Second + 10*time.Second + lotKeep + lotUnseen + 4*lotTick
}

func (l *lot) rules() (turn, warn time.Duration) {
	r := l.k.Rules()
	return time.Duration(r.TurnMS) * time.Millisecond, time.Duration(r.WarnMS) * time.Millisecond
}

// somebody says whether one waits who is there, as far as the owner can know.
func (l *lot) somebody() bool {
	for _, w := range l.k.Waiting(l.now) {
		if !w.Away && l.here[w.Seat.ID] && w.Seat.ID != l.seat {
			return true
		}
	}
	return false
}

// tick is what the owner and the web processes do all the time.
func (l *lot) tick(d time.Duration) {
	l.now += d
	l.k.Advance(l.now)
	l.follow()
	if !l.stands && l.seat != "" {
		l.used += d
		if l.somebody() {
			l.wanted += d
		} else {
			l.wanted = 0
		}
	}
	l.k.Stand(l.stands)
	var waiting []string
	for _, a := range l.seats {
		if !l.here[a.Seat] {
			continue
		}
		if l.k.Drives(a.Seat) {
			if _, err := l.k.Beat(l.now, a, l.number[a.Seat]); err == nil {
				l.beat[a.Seat] = l.now
			}
		}
		waiting = append(waiting, a.Seat)
	}
	l.k.Present(l.now, waiting)
	fair := !l.stands && !l.kv.refuse && !l.kv.lie && (l.seat == "" || l.timed)
	for seat := range l.budget {
		if fair {
			l.budget[seat] -= d
		}
	}
	l.call()
	l.save()
	l.check()
}

// call is what the owner does while nobody drives.
func (l *lot) call() {
	a, ok := l.k.Next()
	if !ok || l.stands {
		return
	}
	fence, err := l.ledger.nextFence(context.Background(), "p")
	if err != nil {
		return
	}
	l.now += time.Millisecond // it takes time, in which somebody may be passed over
	l.k.Present(l.now, nil)
	if a, ok = l.k.Next(); !ok {
		return
	}
	handed := l.k.Snapshot().Next != nil
	if info, err := l.k.Call(l.now, fence); err == nil {
		l.turns++
		for seat, came := range l.order {
			if mine, ok := l.order[a.Seat]; ok && !handed && came < mine {
				l.rt.Fatalf("%s is called before %s", a.Seat, seat)
			}
		}
		l.granted(a, info)
	}
}

func (l *lot) granted(a edge.Actor, info edge.LeaseInfo) {
	if info.Holder.ID != a.Seat {
		l.rt.Fatalf("%s was granted %s's lease", a.Seat, info.Holder.ID)
	}
	if info.Fence <= l.last {
		l.rt.Fatalf("number %d after %d", info.Fence, l.last)
	}
	if l.seat != "" {
		l.rt.Fatalf("%s is granted %s's turn", a.Seat, l.seat)
	}
	l.last, l.seat, l.timed = info.Fence, a.Seat, a.Role == edge.RoleStudent
	l.used, l.wanted = 0, 0
	l.number[a.Seat], l.beat[a.Seat] = info.Fence, l.now
	l.gone(a)
}

// gone is a seat that waits no more, or was not there.
func (l *lot) gone(a edge.Actor) {
	delete(l.budget, a.Seat)
	delete(l.order, a.Seat)
}

// follow notes the end of a lease.
func (l *lot) follow() {
	if info := l.k.Info(l.now); info == nil {
		l.seat = ""
	}
}

func (l *lot) save() {
	_ = l.ledger.saveTurns("p", func() *savedTurns { return &savedTurns{Snapshot: l.k.Snapshot()} })
}

func (l *lot) check() {
	l.follow()
	drivers := 0
	for _, a := range l.seats {
		for f := l.last - min(l.last, 5); f <= l.last+2; f++ {
			if l.k.Check(l.now, a, f) != nil {
				continue
			}
			drivers++
			if f != l.last {
				l.rt.Fatalf("%s drives under %d, the newest is %d", a.Seat, f, l.last)
			}
			info := l.k.Info(l.now)
			newest := l.beat[info.Holder.ID]
			if info.Partner != nil {
				newest = max(newest, l.beat[info.Partner.ID])
			} else if info.Holder.ID != a.Seat {
				l.rt.Fatalf("%s drives in %s's turn", a.Seat, info.Holder.ID)
			}
			if l.now-newest > lotGrace {
				l.rt.Fatalf("%s drives %v after the last heartbeat", a.Seat, l.now-newest)
			}
		}
	}
	info := l.k.Info(l.now)
	if most := 1; info == nil && drivers > 0 || info != nil && info.Partner == nil && drivers > most || drivers > 2 {
		l.rt.Fatalf("%d drivers: %+v", drivers, info)
	}
	turn, warn := l.rules()
	if l.seat != "" && l.timed && l.used > turn+2*lotTick && l.wanted > warn+2*lotTick {
		l.rt.Fatalf("%s drives for %v, and somebody waits for %v", l.seat, l.used, l.wanted)
	}
	for seat, left := range l.budget {
		if l.k.Place(seat) == 0 {
			l.rt.Fatalf("%s was dropped while waiting", seat)
		}
		if left < 0 {
			l.rt.Fatalf("%s waits too long: %+v, %+v", seat, l.k.Waiting(l.now), info)
		}
	}
	seen := map[string]bool{}
	for _, w := range l.k.Waiting(l.now) {
		if seen[w.Seat.ID] {
			l.rt.Fatalf("%s stands twice", w.Seat.ID)
		}
		seen[w.Seat.ID] = true
	}
}
