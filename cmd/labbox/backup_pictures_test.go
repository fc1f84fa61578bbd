package main

import (
	"bytes"
	"path/filepath"
	"testing"
	"time"

	"labbox/edge"
	"labbox/edge/datadir"
	"labbox/edge/record"
)

// A backup carries the pictures of runs, and what they belong to.
func TestBackupHasPictures(t *testing.T) {
	data := stopped(t, 7)
	open := func(data string) (*record.Store, func()) {
		t.Helper()
		dir, err := datadir.Open(data)
		if err != nil {
			t.Fatal(err)
		}
		s, err := record.Open(t.Context(), record.Config{Dir: dir.Sub("record"), Box: "demo"}) // as run.go does
		if err != nil {
			t.Fatal(err)
		}
		return s, func() {
			if err := s.Close(); err != nil {
				t.Error(err)
			}
			if err := dir.Close(); err != nil {
				t.Error(err)
			}
		}
	}
	jpeg := append([]byte{0xFF, 0xD8}, bytes.Repeat([]byte("picture"), 5000)...)
	s, done := open(data)
	run, err := s.StartRun(t.Context(), record.RunMeta{Device: "pendulum"})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.AddPicture(t.Context(), run.ID, record.PictureOf{ID: "door", Name: "Door"}, time.Hour, jpeg, 0); err != nil {
		t.Fatal(err)
	}
	if _, err := s.StopRun(t.Context(), run.ID, edge.SeatRef{}); err != nil {
		t.Fatal(err)
	}
	done()

	file, other := filepath.Join(t.TempDir(), "box.backup"), filepath.Join(t.TempDir(), "other")
	mustRun(t, "backup", "--data", data, file)
	mustRun(t, "restore", "--data", other, file)
	s, done = open(other)
	defer done()
	p, err := s.PictureAt(t.Context(), run.ID, "door", 0)
	if err != nil || !bytes.Equal(p.JPEG, jpeg) {
		t.Fatalf("%d bytes, %v", len(p.JPEG), err)
	}
	if all, err := s.Pictures(t.Context(), run.ID); err != nil || len(all) != 1 || all[0].Name != "Door" {
		t.Errorf("%+v, %v", all, err)
	}
}
