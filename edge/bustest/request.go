package bustest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"labbox/edge"
)

func requestParts() []part {
	return []part{
		{"Answer", requestAnswer}, {"NoDeadline", requestNoDeadline}, {"Nobody", requestNobody}, {"Late", requestLate},
		{"Error", requestError}, {"Concurrent", requestConcurrent}, {"OneServer", requestOneServer},
		{"Deadline", requestDeadline}, {"Canceled", requestCanceled}, {"Large", requestLarge}, {"ServerGone", requestServerGone},
	}
}

func echo(_ context.Context, m edge.Msg) ([]byte, error) {
	return append([]byte(m.Subject+" "), m.Data...), nil
}

func requestAnswer(t *testing.T, h Harness) {
	root := unique()
	serve(t, h.Bus, root+".*.do", echo)
	for who, from := range publishers(t, h) {
		for i := range 20 {
			subject := fmt.Sprintf("%s.d%d.do", root, i)
			got, err := from.Request(within(t, patience), subject, num(i))
			must(t, err)
			if want := fmt.Sprintf("%s %d", subject, i); string(got) != want {
				t.Fatalf("%s: answer %q, want %q", who, got, want)
			}
		}
	}
}

func requestNoDeadline(t *testing.T, h Harness) {
	subject := unique()
	serve(t, h.Bus, subject, echo)
	_, err := h.Bus.Request(context.Background(), subject, nil)
	wantCode(t, err, edge.CodeBadRequest)
}

func requestNobody(t *testing.T, h Harness) {
	wait := 500 * time.Millisecond
	if h.NobodyAtOnce {
		wait = patience
	}
	start := time.Now()
	_, err := h.Bus.Request(within(t, wait), unique()+".do", nil)
	if err == nil {
		t.Fatal("an answer from nobody")
	}
	if h.NobodyAtOnce {
		wantCode(t, err, edge.CodeNoAnswer)
		if errors.Is(err, context.DeadlineExceeded) || time.Since(start) > wait/2 {
			t.Fatalf("nobody serves, and that took %v: %v", time.Since(start), err)
		}
		return
	}
	if edge.CodeOf(err) != edge.CodeNoAnswer && !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("error %v", err)
	}
}

// an expired deadline is an error in time, and the answer that comes after it is
// nobody's.
func requestLate(t *testing.T, h Harness) {
	subject := unique()
	release := make(chan struct{})
	answered := make(chan struct{}, 1)
	serve(t, h.Bus, subject, func(_ context.Context, m edge.Msg) ([]byte, error) {
		if string(m.Data) == "slow" {
			<-release
			defer func() { answered <- struct{}{} }()
		}
		return m.Data, nil
	})
	start := time.Now()
	_, err := h.Bus.Request(within(t, 100*time.Millisecond), subject, []byte("slow"))
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("error %v, want one that wraps context.DeadlineExceeded", err)
	}
	if took := time.Since(start); took < 90*time.Millisecond || took > 5*time.Second {
		t.Fatalf("a deadline of 100 ms took %v", took)
	}
	close(release)
	receive(t, answered, "the late answer")
	for i := range 50 {
		got, err := h.Bus.Request(within(t, patience), subject, num(i))
		must(t, err)
		if string(got) != string(num(i)) {
			t.Fatalf("request %d got %q", i, got)
		}
	}
}

func requestError(t *testing.T, h Harness) {
	subject := unique()
	sent := edge.Errorf(edge.CodeOutOfRange, "power %d over the limit", 120).
		WithHint("at most %d", 100).With("max", 100.5).With("channel", "power")
	serve(t, h.Bus, subject, func(_ context.Context, m edge.Msg) ([]byte, error) {
		switch string(m.Data) {
		case "coded":
			return []byte("ignored"), sent
		case "wrapped":
			return nil, fmt.Errorf("supervisor: %w", sent)
		}
		return nil, errors.New("secret internals")
	})
	for who, from := range publishers(t, h) {
		for _, kind := range []string{"coded", "wrapped"} {
			data, err := from.Request(within(t, patience), subject, []byte(kind))
			var e *edge.Error
			if !errors.As(err, &e) {
				t.Fatalf("%s: error is a %T", who, err)
			}
			if data != nil {
				t.Fatalf("%s: data %q beside an error", who, data)
			}
			if e.Code != sent.Code || e.Hint != sent.Hint || e.Message != sent.Message ||
				e.Args["max"] != 100.5 || e.Args["channel"] != "power" || len(e.Args) != 2 {
				t.Fatalf("%s: %s came as %+v", who, kind, e)
			}
		}
		_, err := from.Request(within(t, patience), subject, nil)
		wantCode(t, err, edge.CodeInternal)
		if bytes.Contains([]byte(err.Error()), []byte("secret")) {
			t.Fatalf("%s: internals reached the requester: %v", who, err)
		}
	}
}

// Serve handlers run concurrently.
func requestConcurrent(t *testing.T, h Harness) {
	const n = 16
	subject := unique()
	var inside atomic.Int64
	all := make(chan struct{})
	serve(t, h.Bus, subject, func(ctx context.Context, m edge.Msg) ([]byte, error) {
		if inside.Add(1) == n {
			close(all)
		}
		select {
		case <-all:
			return m.Data, nil
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	})
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() {
			ctx, cancel := context.WithTimeout(context.Background(), patience)
			defer cancel()
			got, err := h.Bus.Request(ctx, subject, num(i))
			if err != nil || string(got) != string(num(i)) {
				t.Errorf("request %d: %q, %v (%d handlers ran together)", i, got, err, inside.Load())
			}
		})
	}
	wg.Wait()
}

// of several servers one answers, patterns that overlap included.
func requestOneServer(t *testing.T, h Harness) {
	const n = 100
	root := unique()
	var served atomic.Int64
	count := func(_ context.Context, m edge.Msg) ([]byte, error) { served.Add(1); return m.Data, nil }
	serve(t, h.Bus, root+".do", count)
	serve(t, h.Bus, root+".do", count)
	serve(t, h.Bus, root+".*", count)
	if h.Second != nil {
		serve(t, h.Second(t), root+".>", count)
	}
	for i := range n {
		got, err := h.Bus.Request(within(t, patience), root+".do", num(i))
		must(t, err)
		if string(got) != string(num(i)) {
			t.Fatalf("answer %q to %d", got, i)
		}
	}
	if served.Load() != n {
		t.Fatalf("%d requests were served %d times", n, served.Load())
	}
}

// the handler's ctx carries the requester's deadline.
func requestDeadline(t *testing.T, h Harness) {
	subject := unique()
	left := make(chan time.Duration, 1)
	ended := make(chan error, 1)
	release := make(chan struct{}) // no answer meets the requester at its deadline
	serve(t, h.Bus, subject, func(ctx context.Context, m edge.Msg) ([]byte, error) {
		d, ok := ctx.Deadline()
		if !ok {
			left <- -1
			return nil, nil
		}
		left <- time.Until(d)
		if string(m.Data) == "wait" {
			<-ctx.Done()
			ended <- ctx.Err()
			<-release
		}
		return nil, nil
	})
	_, err := h.Bus.Request(within(t, 5*time.Second), subject, nil)
	must(t, err)
	if d := receive(t, left, "the handler"); d < 3*time.Second || d > 5*time.Second+50*time.Millisecond {
		t.Fatalf("handler had %v of 5 s", d)
	}
	_, err = h.Bus.Request(within(t, 100*time.Millisecond), subject, []byte("wait"))
	close(release)
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("error %v", err)
	}
	receive(t, left, "the handler")
	if err := receive(t, ended, "the handler's ctx to end"); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("handler's ctx ended with %v", err)
	}
}

func requestCanceled(t *testing.T, h Harness) {
	subject := unique()
	here, release := make(chan struct{}), make(chan struct{})
	serve(t, h.Bus, subject, func(context.Context, edge.Msg) ([]byte, error) {
		close(here)
		<-release
		return nil, nil
	})
	defer close(release)
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	done := make(chan error, 1)
	go func() { _, err := h.Bus.Request(ctx, subject, nil); done <- err }()
	receive(t, here, "the request")
	cancel()
	if err := receive(t, done, "the canceled request"); !errors.Is(err, context.Canceled) {
		t.Fatalf("error %v, want one that wraps context.Canceled", err)
	}
}

func requestLarge(t *testing.T, h Harness) {
	subject := unique()
	data := bytes.Repeat([]byte("0123456789abcdef"), 1<<16)
	serve(t, h.Bus, subject, func(_ context.Context, m edge.Msg) ([]byte, error) { return m.Data, nil })
	got, err := h.Bus.Request(within(t, patience), subject, data)
	must(t, err)
	if !bytes.Equal(got, data) {
		t.Fatalf("1 MiB came back as %d bytes", len(got))
	}
}

// a server that has closed is nobody.
func requestServerGone(t *testing.T, h Harness) {
	subject := unique()
	s := serve(t, h.Bus, subject, echo)
	_, err := h.Bus.Request(within(t, patience), subject, nil)
	must(t, err)
	must(t, s.Close())
	ctx := within(t, 300*time.Millisecond)
	if _, err := h.Bus.Request(ctx, subject, nil); edge.CodeOf(err) != edge.CodeNoAnswer && !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("error %v", err)
	}
}
