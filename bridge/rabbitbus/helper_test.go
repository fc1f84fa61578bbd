//go:build linux

package rabbitbus

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"labbox/bridge/faultproxy"
	"labbox/bridge/rabbitbus/rabbittest"
	"labbox/edge"
)

// logs is a log that can be searched.
type logs struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logs) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logs) count(text string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Count(l.b.String(), text)
}

func (l *logs) logger() *slog.Logger { return slog.New(slog.NewTextHandler(l, nil)) }

// behind starts a proxy before srv and returns it with the URL through it.
func behind(t testing.TB, srv *rabbittest.Server) (*faultproxy.Proxy, string) {
	t.Helper()
	p := faultproxy.Start(t, srv.Addr())
	return p, strings.Replace(srv.URL(), srv.Addr(), p.Addr(), 1)
}

func soon(t testing.TB, d time.Duration) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), d)
	t.Cleanup(cancel)
	return ctx
}

func wantCode(t testing.TB, err error, code edge.Code) {
	t.Helper()
	if edge.CodeOf(err) != code {
		t.Fatalf("error %v (%s), want %s", err, edge.CodeOf(err), code)
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// newQueue declares a queue of a name nobody else has.
func newQueue(t testing.TB, b *Bus, change func(*edge.Queue)) edge.Queue {
	t.Helper()
	q := edge.Queue{Name: fmt.Sprint("q", time.Now().UnixNano()), MaxTries: 3, RetryDelay: 20 * time.Millisecond,
		AckWait: 20 * time.Second, Dedup: time.Minute, MaxBytes: 16 << 20}
	if change != nil {
		change(&q)
	}
	must(t, b.Declare(soon(t, 10*time.Second), q))
	return q
}

// done collects what a consumer was given.
type done struct {
	mu  sync.Mutex
	ids map[string]int
}

func consume(t testing.TB, b *Bus, queue string) *done {
	t.Helper()
	d := &done{ids: map[string]int{}}
	s, err := b.Consume(queue, func(_ context.Context, j edge.Job) error {
		d.mu.Lock()
		defer d.mu.Unlock()
		d.ids[j.ID]++
		return nil
	})
	must(t, err)
	t.Cleanup(func() { _ = s.Close() })
	return d
}

func (d *done) count() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return len(d.ids)
}

func (d *done) times(id string) int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.ids[id]
}

// raw runs fn on a channel of a plain client, as somebody else's program would.
func raw(t testing.TB, url string, fn func(ch *amqp.Channel) error) {
	t.Helper()
	c, err := amqp.Dial(url)
	must(t, err)
	defer func() { _ = c.Close() }()
	ch, err := c.Channel()
	must(t, err)
	must(t, fn(ch))
}
