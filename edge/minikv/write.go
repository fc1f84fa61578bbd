package minikv

import (
	"errors"
	"strconv"

	"github.com/alicebob/miniredis/v2/server"

	"labbox/edge"
)

const unknownOutcome = "UNKNOWNOUTCOME minikv: the log failed under this command"

// write carries out a command (or EXEC, or a script), journals the keys it
// touched and answers when they are durable.
func (s *Store) write(p *server.Peer, c *conn, name string, args, keys []string) {
	s.mu.Lock()
	if err := s.down.Load(); err != nil {
		s.mu.Unlock()
		p.WriteError("MISCONF " + (*err).Error())
		return
	}
	if why := s.full(name, args, 0); why != "" {
		s.mu.Unlock()
		if name == "EXEC" {
			s.run(p, c, "DISCARD", nil)
		}
		p.WriteError("OOM " + why)
		return
	}
	s.expire()
	s.touched, s.grown = append(s.touched[:0], keys...), 0
	if s.log != nil {
		s.log.applying.Store(true)
	}
	s.run(p, c, name, args)
	wait := s.journal(s.touched)
	if s.log != nil {
		s.log.applying.Store(false)
	}
	s.mu.Unlock()
	if wait != nil {
		if err := wait.wait(); err != nil {
			p.WriteError(unknownOutcome)
			return
		}
	}
	p.WriteRaw(c.reply.String())
}

// full says why a command that stores something is refused; pending is what its
// script has stored already. The lock is held.
func (s *Store) full(name string, args []string, pending int64) string {
	if shrinks(name) {
		return ""
	}
	if s.used+pending+cost(name, args) > s.cfg.MaxBytes {
		return "minikv: the store is full"
	}
	if s.cfg.Server != nil {
		if err := s.cfg.Server.Health(); errors.Is(err, &edge.Error{Code: edge.CodeStoreFull}) {
			return "minikv: the disk is nearly full"
		}
	}
	return ""
}

// cost is by how much a command can make the store grow.
func cost(name string, args []string) (n int64) {
	for _, a := range args {
		n += int64(len(a))
	}
	if len(args) > 1 && (name == "SETRANGE" || name == "SETBIT") {
		offset, _ := strconv.ParseInt(args[1], 10, 64)
		if name == "SETBIT" {
			offset /= 8
		}
		n += max(offset, 0)
	}
	return n
}

// journal brings the deadlines of keys up to date and puts their after-images
// into the open batch, which it returns. The lock is held.
func (s *Store) journal(keys []string) *batch {
	images := make([]image, 0, 1)
	for i, k := range keys {
		if i > 0 && contains(keys[:i], k) {
			continue
		}
		images = append(images, s.image(k))
	}
	s.nextDue.Store(int64(s.exp.next()))
	if s.log == nil {
		return nil
	}
	return s.log.add(images)
}

func contains(keys []string, k string) bool {
	if len(keys) > 64 {
		return false // an image twice is harmless
	}
	for _, have := range keys {
		if have == k {
			return true
		}
	}
	return false
}

// image reads what a key holds after a command. The lock is held.
func (s *Store) image(key string) image {
	img := image{key: key}
	if !s.load(&img) {
		s.exp.drop(key)
		s.account(key, 0)
		return img
	}
	s.account(key, img.size())
	switch ttl := s.db.TTL(key); {
	case ttl == 0:
		s.exp.drop(key)
	case ttl >= sentinel:
		img.deadline = ttl - sentinel
		s.exp.set(key, img.deadline)
	default:
		img.deadline = max(s.mono()+ttl, 1)
		s.db.SetTTL(key, sentinel+img.deadline)
		s.exp.set(key, img.deadline)
	}
	if img.deadline != 0 {
		img.left = max(img.deadline-s.mono(), 1)
	}
	return img
}

// account keeps the sum of what the store holds. The lock is held.
func (s *Store) account(key string, size int) {
	s.used += int64(size - s.sizes[key])
	if size == 0 {
		delete(s.sizes, key)
	} else {
		s.sizes[key] = size
	}
}
