package web

import (
	"testing"
	"time"

	"labbox/edge"
)

func TestADeviceNobodySpeaksOfIsForgotten(t *testing.T) {
	d := newDevice("d", time.Minute, 1<<20)
	d.setStatus(&edge.Status{}, time.Second)
	d.forget(20 * time.Second)
	if !d.known() {
		t.Fatal("forgotten too early")
	}
	d.forget(32 * time.Second)
	if d.known() {
		t.Fatal("not forgotten")
	}
	d.setStatus(&edge.Status{}, 33*time.Second)
	if !d.known() {
		t.Fatal("not back")
	}
}
