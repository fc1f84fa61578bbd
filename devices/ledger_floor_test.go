package devices

import (
	"log/slog"
	"testing"

	"labbox/edge/minikv"
)

// After a restored backup fencing numbers begin above all that may have been
// given out since it was made, those of devices it did not know too.
func TestFencingNumbersStartAboveTheFloor(t *testing.T) {
	s, err := minikv.Open(t.Context(), minikv.Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	kv := s.KV()
	defer kv.Close()
	if _, err := kv.Raise(t.Context(), FenceFloorKey("bench"), 5000); err != nil {
		t.Fatal(err)
	}
	if _, err := kv.Raise(t.Context(), fenceKey("bench", "high"), 7000); err != nil {
		t.Fatal(err)
	}
	l, err := NewLedger(t.Context(), "bench", kv, nil, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	for device, want := range map[string]uint64{"new": 5001, "high": 7001} {
		if n, err := l.nextFence(t.Context(), device); err != nil || n != want {
			t.Errorf("%s: %d %v, want %d", device, n, err, want)
		}
	}
}
