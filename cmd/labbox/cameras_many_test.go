package main

import (
	"fmt"
	"testing"

	"labbox/devices/camera"
	"labbox/edge"
	"labbox/edge/config"
)

// A student begins some runs with pictures, a class some more, a teacher any; those that
// have ended do not count.
func TestHowManyRunsKeepPictures(t *testing.T) {
	set, err := camera.New(camera.Config{Box: &config.Box{Box: "demo"}, Clock: edge.NewSystemClock()})
	if err != nil {
		t.Fatal(err)
	}
	p := newPictures(nil, &config.Box{})
	p.set = set
	runs := 0
	begin := func(seat string, role edge.Role) edge.Code {
		runs++
		run := edge.Run{ID: fmt.Sprint("r", runs), Device: "pendulum"}
		return edge.CodeOf(p.begin(&run, edge.Actor{Seat: seat, Role: role}, edge.PictureAsk{}))
	}
	for range seatPictureRuns {
		if code := begin("ana", edge.RoleStudent); code != "" {
			t.Fatal(code)
		}
	}
	if code := begin("ana", edge.RoleStudent); code != edge.CodeTooMany {
		t.Errorf("one more: %q", code)
	}
	p.end("r1")
	if code := begin("ana", edge.RoleStudent); code != "" {
		t.Errorf("after one has ended: %q", code)
	}
	for n := seatPictureRuns; n < studentPictureRuns; n++ {
		if code := begin(fmt.Sprint("seat", n), edge.RoleStudent); code != "" {
			t.Fatal(n, code)
		}
	}
	if code := begin("last", edge.RoleStudent); code != edge.CodeTooMany {
		t.Errorf("of all one more: %q", code)
	}
	for range seatPictureRuns + 1 {
		if code := begin("ms", edge.RoleTeacher); code != "" {
			t.Errorf("a teacher: %q", code)
		}
	}
}
