package mdns

import (
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"time"
)

// link is one network, and how far we are there.
type link struct {
	Link
	conns []conn
	stage int       // below claimed: probing; then announcing
	next  time.Time // when the stage goes on; zero: all is said

	said    map[string]time.Time // when a record last went to the group
	waiting []record             // answers that are not sent at once
	due     time.Time            // when they are; zero: none

	second  time.Time // of the unicast replies counted
	replies int
}

func (l *link) close() {
	for _, c := range l.conns {
		_ = c.Close()
	}
}

// has tells whether an address is one of the link's networks: only those who are
// there are answered (section 11).
func (l *link) has(a netip.Addr) bool {
	if a.Is6() && a.IsLinkLocalUnicast() {
		return a.Zone() == l.Interface.Name
	}
	return slices.ContainsFunc(l.Addresses, func(p netip.Prefix) bool { return p.Masked().Contains(a.WithZone("")) })
}

// step does what is due on a link.
func (r *Responder) step(l *link, now time.Time) {
	if !l.due.IsZero() && !now.Before(l.due) {
		list := l.waiting
		l.waiting, l.due = nil, time.Time{}
		r.multicast(l, list, nil, now, time.Second)
	}
	if l.next.IsZero() || now.Before(l.next) {
		return
	}
	switch id := r.identity(l); {
	case l.stage < probes:
		if b, err := id.probe(); err == nil {
			l.toAll(b)
		}
		l.stage++
		l.next = now.Add(probeEvery) // the last one may be objected to as well
	default:
		l.stage = max(l.stage, claimed)
		r.multicast(l, id.all(), nil, now, 0)
		l.stage++
		if l.next = now.Add(announceGap); l.stage >= claimed+announces {
			l.next = time.Time{}
		}
	}
}

func (l *link) toAll(b []byte) {
	for _, c := range l.conns {
		_ = c.send(b, netip.AddrPort{}) // a network that is away: the next try will tell
	}
}

// multicast sends to the group what it has not heard for a while.
func (r *Responder) multicast(l *link, answers, more []record, now time.Time, gap time.Duration) {
	fresh := func(rec record) bool { t, ok := l.said[rec.key()]; return ok && now.Sub(t) < gap }
	answers = slices.DeleteFunc(slices.Clone(answers), fresh)
	if len(answers) == 0 {
		return
	}
	b, err := pack(nil, answers, more, ttlOther)
	if err != nil {
		return
	}
	for _, rec := range append(answers, more...) {
		l.said[rec.key()] = now
	}
	l.toAll(b)
}

// goodbye takes back what was announced (10.1).
func (r *Responder) goodbye(l *link) {
	if l.stage <= claimed {
		return
	}
	if b, err := pack(nil, r.identity(l).all(), nil, 0); err == nil {
		l.toAll(b)
	}
}

// heard judges a message.
func (r *Responder) heard(p packet, now time.Time) {
	if !p.l.has(p.from.Addr()) {
		return
	}
	q, claims := parse(p.data)
	switch {
	case q != nil:
		r.asked(p, q, now)
	case p.from.Port() == port && r.contested(p.l, claims):
		r.conflict(p.l, now)
	}
}

// contested tells whether somebody has a name of ours for something else.
func (r *Responder) contested(l *link, claims []claim) bool {
	id := r.identity(l)
	host, instance := strings.ToLower(id.host), strings.ToLower(id.instance)
	for _, c := range claims {
		switch {
		case c.name == host && c.addr.IsValid() && !r.mine(c.addr),
			c.name == instance && c.srv != nil && (c.srv.Port != id.port || !strings.EqualFold(c.srv.Target.String(), id.host)):
			return true
		}
	}
	return false
}

// mine is true for an address of any link: networks may be bridged.
func (r *Responder) mine(a netip.Addr) bool {
	for _, l := range r.links {
		if slices.ContainsFunc(l.Addresses, func(p netip.Prefix) bool { return p.Addr().WithZone("") == a }) {
			return true
		}
	}
	return false
}

// conflict: a name that was ours is asked for again (section 9); one that was not
// yet is left to whoever has it, and the next is tried.
func (r *Responder) conflict(l *link, now time.Time) {
	if l.stage >= claimed {
		l.stage, l.next = 0, now
		return
	}
	r.cfg.Logger.Warn("another has this name on the network", "name", strings.TrimSuffix(r.identity(l).host, "."))
	for _, other := range r.links {
		r.goodbye(other)
	}
	r.number = r.number%MaxTries + 1
	r.renames++
	begin := now.Add(rand.N(probeEvery))
	if r.renames >= calmAfter {
		begin = now.Add(calm)
	}
	for _, other := range r.links {
		other.stage, other.next, other.said = 0, begin, map[string]time.Time{}
		other.waiting, other.due = nil, time.Time{}
	}
}

// asked answers a query.
func (r *Responder) asked(p packet, q *query, now time.Time) {
	l, id := p.l, r.identity(p.l)
	if l.stage < claimed {
		// Two ask for one name at once: who has the later data goes on (8.2).
		if theirs := q.claims[strings.ToLower(id.host)]; l.stage > 0 && slices.Compare(theirs, id.proposal()) > 0 {
			l.stage, l.next = 0, now.Add(time.Second)
		}
		return
	}
	var answers, more []record
	direct, shared := true, false
	for _, one := range q.questions {
		a, m := id.answer(one)
		answers, more = append(answers, a...), append(more, m...)
		direct = direct && one.Class&topBit != 0
	}
	legacy := p.from.Port() != port
	seen := map[string]bool{}
	answers = slices.DeleteFunc(answers, func(rec record) bool {
		k := rec.key()
		known := !legacy && q.known[k] >= rec.ttl/2 // 7.1
		if seen[k] || known {
			return true
		}
		seen[k], shared = true, shared || !rec.unique
		return false
	})
	more = slices.DeleteFunc(more, func(rec record) bool { k := rec.key(); s := seen[k]; seen[k] = true; return s })
	if len(answers) == 0 {
		return
	}
	quarter := func(rec record) bool {
		t, ok := l.said[rec.key()]
		return rec.kind() == typeNSEC || ok && now.Sub(t) < time.Duration(rec.ttl)*time.Second/4
	}
	probe := len(q.claims) > 0
	switch {
	case legacy:
		r.reply(p, q, answers, more, ttlLegacy, now)
	case direct && !slices.ContainsFunc(answers, func(rec record) bool { return !quarter(rec) }):
		r.reply(p, nil, answers, more, ttlOther, now)
	case probe: // it waits 250 ms and no longer
		r.multicast(l, answers, more, now, probeEvery)
	case shared: // others may answer too (6)
		for _, rec := range append(answers, more...) { // a thousand who ask are answered once
			if !slices.ContainsFunc(l.waiting, func(w record) bool { return w.key() == rec.key() }) {
				l.waiting = append(l.waiting, rec)
			}
		}
		if l.due.IsZero() {
			l.due = now.Add(20*time.Millisecond + rand.N(100*time.Millisecond))
		}
	default:
		r.multicast(l, answers, more, now, time.Second)
	}
}

// reply answers one asker, a bounded number of times a second.
func (r *Responder) reply(p packet, q *query, answers, more []record, life uint32, now time.Time) {
	l := p.l
	if now.Sub(l.second) >= time.Second {
		l.second, l.replies = now, 0
	}
	if l.replies++; l.replies > unicastRate {
		return
	}
	if b, err := pack(q, answers, more, life); err == nil {
		_ = p.c.send(b, p.from)
	}
}
