package localca

import (
	"context"
	"crypto/tls"
	"log/slog"
	"os"
	"sync/atomic"
	"time"

	"labbox/edge"
)

// Pair serves a certificate from two files and follows their changes.
type Pair struct {
	cert, key string
	log       *slog.Logger
	now       atomic.Pointer[tls.Certificate]
	seen      [2]stamp
}

// stamp tells one state of a file from another.
type stamp struct {
	size int64
	at   time.Time
}

// OpenPair reads a certificate with its chain, and its key, both PEM. Errors are
// coded: bad_config.
func OpenPair(cert, key string, log *slog.Logger) (*Pair, error) {
	p := &Pair{cert: cert, key: key, log: log}
	p.seen = p.stamps()
	return p, p.load()
}

// Config is for tls.Server.
func (p *Pair) Config() *tls.Config {
	return serverConfig(func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return p.now.Load(), nil })
}

func (p *Pair) stamps() (s [2]stamp) {
	for i, name := range []string{p.cert, p.key} {
		if info, err := os.Stat(name); err == nil {
			s[i] = stamp{info.Size(), info.ModTime()}
		}
	}
	return s
}

func (p *Pair) load() error {
	c, err := tls.LoadX509KeyPair(p.cert, p.key)
	if err != nil {
		return edge.Errorf(edge.CodeBadConfig, "certificate %s with key %s: %w", p.cert, p.key, err).
			WithHint("both are PEM files; the certificate comes first, those that signed it below; the key is not encrypted")
	}
	p.now.Store(&c)
	if until := c.Leaf.NotAfter; time.Now().After(until) {
		p.log.Warn("the certificate has ended", "file", p.cert, "until", until)
	}
	return nil
}

// Run looks for other files until ctx ends. A pair that cannot be used, such as one
// that is half written, leaves the old one in use.
func (p *Pair) Run(ctx context.Context) {
	t := time.NewTicker(lookEvery)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.C:
			p.look()
		}
	}
}

func (p *Pair) look() {
	now := p.stamps()
	if now == p.seen {
		return
	}
	p.seen = now
	if err := p.load(); err != nil {
		p.log.Error("the certificate has changed and cannot be used; the old one stays", "error", err)
		return
	}
	p.log.Info("certificate read anew", "file", p.cert, "until", p.now.Load().Leaf.NotAfter)
}
