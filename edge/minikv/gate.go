package minikv

import (
	"bufio"
	"bytes"
	"strconv"
	"strings"
	"time"

	"github.com/alicebob/miniredis/v2/server"
)

// conn is what the gate knows of one connection. Only the goroutine that serves
// the connection uses it.
type conn struct {
	proxy *server.Peer // takes a reply that must wait
	w     *bufio.Writer
	reply bytes.Buffer

	multi bool // between MULTI and EXEC
	dirty bool // a command was refused there
	keys  []string
	size  int64 // what the queued commands store, at most
}

// Every peer that reaches the hook is one of three: a connection's (seen first
// with no context), a proxy of ours (in s.peers with a nil conn), or the peer
// that miniredis makes for the calls of one script (unknown, with a context).
// The last exists only while the lock is held for that script; to take a
// connection for one would let its write pass unjournaled.
type peerKind uint8

const (
	isConn peerKind = iota
	isProxy
	isNested
)

func (s *Store) classify(p *server.Peer) (peerKind, *conn) {
	if v, ok := s.peers.Load(p); ok {
		c := v.(*conn)
		if c == nil {
			return isProxy, nil
		}
		return isConn, c
	}
	if p.Ctx != nil {
		return isNested, nil
	}
	c := &conn{}
	c.w = bufio.NewWriter(&c.reply)
	c.proxy = server.NewPeer(c.w)
	s.peers.Store(p, c)
	s.peers.Store(c.proxy, (*conn)(nil))
	p.OnDisconnect(func() {
		s.peers.Delete(p)
		s.peers.Delete(c.proxy)
	})
	return isConn, c
}

// gate runs before every command and says whether it has answered it.
func (s *Store) gate(p *server.Peer, name string, args ...string) bool {
	switch kind, c := s.classify(p); kind {
	case isProxy:
		return false
	case isNested:
		return s.nested(p, name, args)
	default:
		return s.serve(p, c, name, args)
	}
}

// serve answers a connection's command, or says false to let miniredis do so.
func (s *Store) serve(p *server.Peer, c *conn, name string, args []string) bool {
	if err := s.down.Load(); err != nil {
		p.WriteError("MISCONF " + (*err).Error())
		return true
	}
	cmd, why := s.allowed(name, args)
	if c.multi && cmd.kind != transaction && (cmd.kind == readTTL || cmd.kind == connection) {
		cmd.kind, why = refused, "not inside MULTI"
	}
	s.expireDue()
	switch cmd.kind {
	case refused:
		c.dirty = c.multi
		p.WriteError("ERR minikv: " + strings.ToLower(name) + ": " + why)
	case connection:
		return false
	case transaction:
		s.transact(p, c, name, args)
	case read, readAll, readTTL:
		if c.multi {
			s.queue(p, c, name, args, nil)
			break
		}
		s.read(p, c, cmd, name, args)
	case write, script:
		if c.multi {
			s.mu.Lock()
			why := s.full(name, args, c.size)
			s.mu.Unlock()
			if why != "" {
				c.dirty = true
				p.WriteError("OOM " + why)
				break
			}
			c.size += cost(name, args)
			s.queue(p, c, name, args, cmd.keys(args))
			break
		}
		s.write(p, c, name, args, cmd.keys(args))
	}
	return true
}

func (s *Store) allowed(name string, args []string) (command, string) {
	cmd, ok := s.commands[name]
	if !ok {
		return command{}, "not supported"
	}
	if why := vet(name, args); why != "" {
		return command{}, why
	}
	for _, k := range cmd.keys(args) {
		if cmd.kind == write && len(k) > maxKey {
			return command{}, "key too long"
		}
	}
	return cmd, ""
}

// run lets miniredis carry out a command and keeps its reply in c.
func (s *Store) run(p *server.Peer, c *conn, name string, args []string) {
	c.reply.Reset()
	c.proxy.Ctx, c.proxy.Resp3 = p.Ctx, p.Resp3
	s.srv.Dispatch(c.proxy, append([]string{name}, args...))
	c.proxy.Flush()
	p.Ctx = c.proxy.Ctx // miniredis makes it at the first command
}

func (s *Store) queue(p *server.Peer, c *conn, name string, args, keys []string) {
	s.run(p, c, name, args)
	c.keys = append(c.keys, keys...)
	p.WriteRaw(c.reply.String())
}

func (s *Store) transact(p *server.Peer, c *conn, name string, args []string) {
	switch {
	case name == "EXEC" && c.multi && c.dirty:
		s.run(p, c, "DISCARD", nil)
		p.WriteError("EXECABORT Transaction discarded because of previous errors.")
	case name == "EXEC" && c.multi:
		s.write(p, c, name, args, c.keys)
	default:
		s.mu.Lock() // WATCH must not fall between a write and its new deadline
		s.run(p, c, name, args)
		s.mu.Unlock()
		p.WriteRaw(c.reply.String())
		if name == "MULTI" {
			c.multi = true
			return
		}
		if name == "WATCH" || name == "UNWATCH" {
			return
		}
	}
	c.multi, c.dirty, c.keys, c.size = false, false, nil, 0
}

func (s *Store) read(p *server.Peer, c *conn, cmd command, name string, args []string) {
	if cmd.kind == readTTL && len(args) == 1 {
		s.run(p, c, "PTTL", args)
		s.rewriteTTL(c, name)
	} else {
		s.run(p, c, name, args)
	}
	if s.log != nil {
		var err error
		if cmd.kind == readAll {
			err = s.log.waitAll()
		} else {
			err = s.log.waitKeys(cmd.keys(args))
		}
		if err != nil {
			p.WriteError(unknownOutcome)
			return
		}
	}
	p.WriteRaw(c.reply.String())
}

// rewriteTTL turns miniredis's answer to PTTL, in c.reply, into the answer to name.
func (s *Store) rewriteTTL(c *conn, name string) {
	b := c.reply.Bytes()
	n, err := strconv.ParseInt(strings.TrimSpace(strings.TrimPrefix(string(b), ":")), 10, 64)
	if err != nil {
		return // an error of miniredis: it stays
	}
	c.reply.Reset()
	c.reply.WriteString(":" + strconv.FormatInt(s.ttlAnswer(name, n), 10) + "\r\n")
}

// ttlAnswer makes the answer to name from the ttl in ms that miniredis keeps.
func (s *Store) ttlAnswer(name string, ms int64) int64 {
	if ms < 0 {
		return ms
	}
	left := time.Duration(ms) * time.Millisecond
	if left >= sentinel.Truncate(time.Millisecond) {
		left = max(left-sentinel-s.mono(), time.Millisecond)
	}
	switch name {
	case "PTTL":
		return int64(left / time.Millisecond)
	case "TTL":
		return int64((left + time.Second/2) / time.Second)
	case "EXPIRETIME":
		return s.cfg.Clock.Wall().Add(left).Unix()
	default:
		return s.cfg.Clock.Wall().Add(left).UnixMilli()
	}
}

// nested looks at one call of a script. Its goroutine holds the lock.
func (s *Store) nested(p *server.Peer, name string, args []string) bool {
	cmd, why := s.allowed(name, args)
	switch cmd.kind {
	case read, readAll:
		return false
	case connection:
		if name == "PING" || name == "ECHO" || name == "TIME" || name == "PUBLISH" {
			return false
		}
	case readTTL:
		if len(args) != 1 {
			return false
		}
		var b bytes.Buffer
		w := bufio.NewWriter(&b)
		peer := server.NewPeer(w)
		peer.Ctx = p.Ctx
		s.peers.Store(peer, (*conn)(nil))
		s.srv.Dispatch(peer, []string{"PTTL", args[0]})
		s.peers.Delete(peer)
		peer.Flush()
		n, err := strconv.ParseInt(strings.TrimSpace(strings.TrimPrefix(b.String(), ":")), 10, 64)
		if err != nil {
			p.WriteError("ERR minikv: ttl")
			return true
		}
		p.WriteInt(int(s.ttlAnswer(name, n)))
		return true
	case write:
		if why := s.full(name, args, s.grown); why != "" {
			p.WriteError("OOM " + why)
			return true
		}
		s.grown += cost(name, args)
		s.touched = append(s.touched, cmd.keys(args)...)
		return false
	}
	if why == "" {
		why = "not inside a script"
	}
	p.WriteError("ERR minikv: " + strings.ToLower(name) + ": " + why)
	return true
}
