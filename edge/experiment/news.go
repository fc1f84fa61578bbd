package experiment

import (
	"context"
	"sync"

	"labbox/edge"
)

// news tells panels of changes, the newest of each experiment: at most once, a
// broker that is away or slow holds nothing up.
type news struct {
	w    *Worker
	wake chan struct{}

	mu   sync.Mutex
	jobs []*job
	has  map[*job]bool
}

func newNews(w *Worker) *news {
	return &news{w: w, wake: make(chan struct{}, 1), has: map[*job]bool{}}
}

func (n *news) tell(j *job) {
	n.mu.Lock()
	if !n.has[j] {
		n.has[j] = true
		n.jobs = append(n.jobs, j)
	}
	n.mu.Unlock()
	select {
	case n.wake <- struct{}{}:
	default:
	}
}

func (n *news) run(ctx context.Context) {
	for {
		n.round()
		select {
		case <-ctx.Done():
			n.round()
			return
		case <-n.wake:
		}
	}
}

func (n *news) round() {
	n.mu.Lock()
	jobs := n.jobs
	n.jobs, n.has = nil, map[*job]bool{}
	n.mu.Unlock()
	for _, j := range jobs {
		x := n.w.view(j).brief()
		ctx, cancel := context.WithTimeout(context.Background(), storeTimeout)
		_ = n.w.cfg.Bus.Publish(ctx, edge.Subject(n.w.cfg.Box, x.Device, edge.KindExperiment), encode(x))
		cancel()
	}
}

// view is a job as it stands, with its place.
func (w *Worker) view(j *job) Experiment {
	w.mu.Lock()
	defer w.mu.Unlock()
	x := j.e.Exp
	if x.State == Pending {
		for i, o := range w.lanes[x.Device].open {
			if o == j {
				x.Place = i + 1
			}
		}
	}
	return x
}
