package rabbitbus

import (
	"container/list"
	"sync"
	"time"
)

// maxRecent bounds how many ids a process remembers for one queue.
const maxRecent = 1 << 16

// recent remembers ids for a while, the oldest go first.
type recent struct {
	keep time.Duration

	mu    sync.Mutex
	ids   map[string]*list.Element
	order list.List // of recentID, oldest first
}

type recentID struct {
	id, value string
	at        time.Time
}

func newRecent(keep time.Duration) *recent {
	return &recent{keep: keep, ids: map[string]*list.Element{}}
}

// get returns what was put under id within keep.
func (r *recent) get(id string) (value string, ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	e := r.ids[id]
	if e == nil || time.Since(e.Value.(recentID).at) >= r.keep {
		return "", false
	}
	return e.Value.(recentID).value, true
}

func (r *recent) put(id, value string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := time.Now()
	if e := r.ids[id]; e != nil {
		r.order.Remove(e)
	}
	r.ids[id] = r.order.PushBack(recentID{id, value, now})
	for r.order.Len() > 0 {
		e := r.order.Front()
		old := e.Value.(recentID)
		if r.order.Len() <= maxRecent && now.Sub(old.at) < r.keep {
			return
		}
		r.order.Remove(e)
		delete(r.ids, old.id)
	}
}
