package minikv

import (
	"context"
	"testing"
)

// What a read shows must not be taken back by a power cut: it waits for the
// batch that holds its key, and for no other.
func TestReadsWaitForWhatTheySaw(t *testing.T) {
	b := newClockBox(t)
	ctx := context.Background()
	b.put("other", 0)
	j := b.s.log
	j.mu.Lock() // a write of "pending" that the log has not begun to write
	j.open.images["pending"] = image{key: "pending", form: formString, one: "new"}
	j.open.urgent = true
	j.busy.Add(1)
	_ = b.s.db.Set("pending", "new")
	j.mu.Unlock()
	type answer struct {
		what string
		err  error
	}
	answers := make(chan answer, 3)
	ask := map[string]func() error{
		"get":    func() error { _, _, err := b.kv.Get(ctx, "pending"); return err },
		"keys":   func() error { _, err := b.kv.Keys(ctx, "pend"); return err },
		"script": func() error { _, err := b.kv.Swap(ctx, "pending", []byte("wrong"), nil, 0); return err },
	}
	for what, ask := range ask {
		go func() { answers <- answer{what, ask()} }()
	}
	for range 200 { // gives them every chance to answer too early
		if _, _, err := b.kv.Get(ctx, "other"); err != nil {
			t.Fatal(err)
		}
		select {
		case a := <-answers:
			t.Fatalf("%s answered before the write was durable", a.what)
		default:
		}
	}
	j.kick <- struct{}{}
	for range ask {
		if a := <-answers; a.err != nil {
			t.Errorf("%s: %v", a.what, a.err)
		}
	}
}
