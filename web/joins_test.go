package web

import (
	"fmt"
	"testing"
	"time"

	"labbox/edge"
)

func TestJoinsOfOneAddressAreBounded(t *testing.T) {
	var j joins
	count := func(remote func(i int) string, n int, now time.Duration) (ok int) {
		for i := range n {
			switch err := j.allow(remote(i), now); edge.CodeOf(err) {
			case "":
				ok++
			case edge.CodeTooMany:
			default:
				t.Fatal(err)
			}
		}
		return ok
	}
	one := func(int) string { return "10.0.0.7:999" }
	if got := count(one, 1000, time.Second); got != joinBurst {
		t.Errorf("%d seats at once, want %d", got, joinBurst)
	}
	if got := count(one, 1000, 11*time.Second); got != 10*joinPerSec {
		t.Errorf("%d seats ten seconds later, want %d", got, 10*joinPerSec)
	}
	same64 := func(i int) string { return fmt.Sprintf("[2001:db8::%x]:1", i+1) }
	if got := count(same64, 1000, time.Second); got != joinBurst {
		t.Errorf("%d seats of one IPv6 network, want %d", got, joinBurst)
	}
	if got := count(func(int) string { return "127.0.0.1:5" }, 1000, time.Second); got != 1000 {
		t.Errorf("this machine got %d of 1000", got)
	}
	others := func(i int) string { return fmt.Sprintf("11.%d.%d.%d:1", i>>16, i>>8&255, i&255) }
	if got := count(others, 20_000, time.Second); got != 20_000 || len(j.by) > maxJoiners {
		t.Errorf("%d of 20000 addresses got a seat, %d are remembered", got, len(j.by))
	}
}
