package rabbitbus

import (
	"context"
	"crypto/rand"
	"log/slog"
	"strings"
	"sync"

	"labbox/edge"
	"labbox/edge/fanout"
)

// Names on the broker. All begin with prefix, so that one permission covers them.
const (
	prefix       = "labbox."
	liveExchange = prefix + "live" // topic: live messages by subject
	askExchange  = prefix + "ask"  // topic: "who serves this subject?"
	deadExchange = prefix + "dead" // direct: jobs set aside
)

// Bus is edge.Bus on RabbitMQ.
type Bus struct {
	cfg    Config
	target *target
	log    *slog.Logger
	id     string // of this Bus among all on the broker

	pub, con *link
	stop     context.CancelFunc
	wg       sync.WaitGroup

	live  *fanout.Table
	serve servers
	asks  pending
	bind  bindings
	work  queues
	subs  *fanout.Group
}

var _ edge.Bus = (*Bus)(nil)

// Open returns a Bus that connects in the background, for ever. It does not wait
// for the broker and does not fail when it is away: Health says so. It fails only
// on a Config that can never work (CodeBadConfig). ctx bounds nothing but Open.
func Open(ctx context.Context, cfg Config) (*Bus, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	cfg = cfg.withDefaults()
	t, err := cfg.parse()
	if err != nil {
		return nil, err
	}
	b := &Bus{
		cfg: cfg, target: t, log: cfg.Logger, id: strings.ToLower(rand.Text()[:16]),
		live: fanout.New(cfg.QueueLen, cfg.QueueBytes), subs: fanout.NewGroup(),
	}
	b.asks.init()
	b.work.init(b)
	b.pub = newLink(b, "publish", b.setupPub)
	b.con = newLink(b, "consume", b.setupCon)
	life, stop := context.WithCancel(context.Background())
	b.stop = stop
	b.wg.Go(func() { b.pub.run(life) })
	b.wg.Go(func() { b.con.run(life) })
	return b, nil
}

// Close implements edge.Bus. Called from inside a handler it waits for all
// others, and the connections end when that handler has returned, so that its
// answer or acknowledgement still goes out.
func (b *Bus) Close() error {
	return b.subs.Close(func() {
		b.flush()
		b.stop()
		b.wg.Wait()
	})
}
