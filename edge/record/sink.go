package record

import (
	"encoding/json"
	"sync"
	"time"

	"labbox/edge"
)

// Sink returns s as an edge.Sink. What the recorder refuses is logged, at most
// once a minute: a Sink has nobody to tell.
func (s *Store) Sink() edge.Sink { return &sink{s: s} }

type sink struct {
	s  *Store
	mu sync.Mutex
	at time.Duration // of the last warning
}

func (k *sink) warn(msg, device string, err error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if now := k.s.cfg.Clock.Mono(); k.at == 0 || now-k.at >= time.Minute {
		k.at = max(1, now)
		k.s.cfg.Logger.Error("not recorded", "what", msg, "device", device, "err", err)
	}
}

func (k *sink) Stream(device string, _ uint32, c *edge.Contract) {
	if err := k.s.Contract(device, InfoOf(c)); err != nil {
		k.warn("contract", device, err)
	}
}

func (k *sink) Frame(device string, b []byte) {
	if err := k.s.Frame(device, b); err != nil {
		k.warn("frame", device, err)
	}
}

func (k *sink) Event(device string, e *edge.Event) {
	b, err := json.Marshal(e)
	if err == nil {
		err = k.s.Event(device, b, time.Duration(e.MonoUS)*time.Microsecond)
	}
	if err != nil {
		k.warn("event", device, err)
	}
}
