package experiment

import (
	"math"
	"sync"

	"labbox/edge"
	"labbox/edge/frame"
)

// samples keeps the newest sample of a device while an experiment runs.
type samples struct {
	sub edge.Subscription

	mu  sync.Mutex
	raw map[int]float64 // by channel of the contract
}

// listen starts to. Without a broker there are no values.
func (w *Worker) listen(device string) *samples {
	s := &samples{raw: map[int]float64{}}
	sub, err := w.cfg.Bus.Subscribe(edge.Subject(w.cfg.Box, device, edge.KindLive), s.take)
	if err != nil {
		w.log.Warn("samples not heard", "device", device, "error", err)
		return s
	}
	s.sub = sub
	return s
}

func (s *samples) take(m edge.Msg) {
	for rest := m.Data; len(rest) > 0; {
		v, next, err := frame.Parse(rest)
		if err != nil {
			return
		}
		rest = next
		h := v.Header()
		if h.Samples == 0 || h.MinMax() {
			continue
		}
		s.mu.Lock()
		for i := range h.Channels {
			if x := v.Value(i, h.Samples-1); !math.IsNaN(x) {
				s.raw[int(v.Column(i).Index)] = x
			}
		}
		s.mu.Unlock()
	}
}

// end returns the shown values.
func (s *samples) end(c *edge.Contract) map[string]float64 {
	if s.sub != nil {
		_ = s.sub.Close() // nothing to save
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if c == nil || len(s.raw) == 0 {
		return nil
	}
	out := map[string]float64{}
	for i, x := range s.raw {
		if i >= len(c.Channels) {
			continue
		}
		ch := &c.Channels[i]
		if x = x*ch.Scale + ch.Offset; !math.IsNaN(x) && !math.IsInf(x, 0) {
			out[ch.ID] = x
		}
	}
	return out
}
