package fanout

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"labbox/edge"
)

func TestMatches(t *testing.T) {
	for _, c := range []struct {
		pattern, subject string
		want             bool
	}{
		{"a.b", "a.b", true}, {"a.b", "a.b.c", false}, {"a.*", "a.b", true}, {"a.*", "a", false},
		{"a.*", "a.b.c", false}, {"a.>", "a.b.c", true}, {"a.>", "a", false}, {">", "a", true},
		{"*.b", "a.b", true}, {"*.>", "a", false}, {"a.*.c", "a.b.c", true}, {"a", "A", false},
	} {
		if got := Matches(c.pattern, c.subject); got != c.want {
			t.Errorf("%s covers %s: %v", c.pattern, c.subject, got)
		}
	}
}

func FuzzNames(f *testing.F) {
	for _, s := range []string{"", "a", "a.b", "a..b", "*", "a.>", ">.a", "a.*.b", ".", "é", strings.Repeat("a.", 127) + "a"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		subject := CheckSubject(s) == nil
		if subject && (CheckPattern(s) != nil || !Matches(s, s) || !Matches(">", s)) {
			t.Errorf("subject %q is no pattern that covers itself", s)
		}
		if CheckWord(s) == nil && (!subject || strings.Contains(s, ".")) {
			t.Errorf("word %q is no subject", s)
		}
		if CheckPattern(s) == nil && (len(s) > 255 || strings.ContainsAny(s, "# \x00") || slices.Contains(strings.Split(s, "."), "")) {
			t.Errorf("%q passed for a pattern", s)
		}
	})
}

func TestTable(t *testing.T) {
	defer goleak.VerifyNone(t)
	table := New(4, 100)
	got := make(chan string, 10)
	quick := table.Subscribe("a.*", func(m edge.Msg) { got <- string(m.Data) })
	hold := make(chan struct{})
	slow := table.Subscribe("a.*", func(edge.Msg) { <-hold })
	for i := range 10 {
		table.Deliver(edge.Msg{Subject: "a.b", Data: fmt.Appendf(nil, "%d", i)})
		select {
		case g := <-got:
			if g != fmt.Sprint(i) {
				t.Fatalf("message %d is %s", i, g)
			}
		case <-time.After(10 * time.Second):
			t.Fatal("the quick subscriber waits for the slow one")
		}
	}
	if d := slow.Dropped(); d != 5 && d != 6 { // four wait, one may be in the handler
		t.Errorf("the slow subscriber lost %d of 10", d)
	}
	if quick.Dropped() != 0 {
		t.Errorf("the quick subscriber lost %d", quick.Dropped())
	}
	if !table.Has("a.*") || len(table.Patterns()) != 1 {
		t.Errorf("patterns %v", table.Patterns())
	}
	close(hold)
	_, _ = quick.Close(), slow.Close()
	table.Deliver(edge.Msg{Subject: "a.b"})
	table.DeliverTo("a.*", edge.Msg{Subject: "a.b"})
	if len(got) != 0 || table.Has("a.*") {
		t.Errorf("after the end: %d messages, patterns %v", len(got), table.Patterns())
	}
}

func TestDeliverTo(t *testing.T) {
	defer goleak.VerifyNone(t)
	table, got := New(4, 100), make(chan string, 4)
	for _, p := range []string{"a.*", "a.>"} {
		s := table.Subscribe(p, func(m edge.Msg) { got <- p + " " + m.Subject })
		defer func() { _ = s.Close() }()
	}
	table.DeliverTo("a.*", edge.Msg{Subject: "a.b"})
	if g := <-got; g != "a.* a.b" {
		t.Errorf("first of all: %s", g)
	}
	table.Deliver(edge.Msg{Subject: "a.b.c"})
	if g := <-got; g != "a.> a.b.c" {
		t.Errorf("then: %s", g)
	}
}

func TestCheckQueue(t *testing.T) {
	good := edge.Queue{Name: "q", MaxTries: 1, AckWait: 1, MaxBytes: MinQueueBytes}
	if err := CheckQueue(good); err != nil {
		t.Error(err)
	}
	for want, change := range map[edge.Code][]func(q *edge.Queue){
		edge.CodeBadName: {func(q *edge.Queue) { q.Name = "a.b" }, func(q *edge.Queue) { q.Name = "" }},
		edge.CodeBadRequest: {
			func(q *edge.Queue) { q.MaxTries = 0 }, func(q *edge.Queue) { q.RetryDelay = -1 },
			func(q *edge.Queue) { q.AckWait = 0 }, func(q *edge.Queue) { q.Dedup = -1 },
			func(q *edge.Queue) { q.MaxBytes-- },
		},
	} {
		for i, f := range change {
			q := good
			if f(&q); edge.CodeOf(CheckQueue(q)) != want {
				t.Errorf("change %d is not refused with %s: %v", i, want, CheckQueue(q))
			}
		}
	}
}
