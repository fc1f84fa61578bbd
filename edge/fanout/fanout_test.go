package fanout

import (
	"fmt"
	"slices"
	"strings"
	"sync"
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
	var mu sync.Mutex
	var changes []string
	table := New(4, 100, func(p string) { mu.Lock(); defer mu.Unlock(); changes = append(changes, p) })
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
	if len(got) != 0 || table.Has("a.*") || !slices.Equal(changes, []string{"a.*", "a.*"}) {
		t.Errorf("after the end: %d messages, changes %v", len(got), changes)
	}
}
