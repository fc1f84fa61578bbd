package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/pprof"
	"net/netip"
	"strconv"
	"time"

	"golang.org/x/sync/errgroup"

	"labbox/edge"
)

// drainTime is how long panels get to say goodbye.
const drainTime = 2 * time.Second

// service is what one process serves.
type service struct {
	log     *slog.Logger
	servers []*http.Server
	lines   []net.Listener
	// work runs until its context ends and returns when devices are safe.
	work []func(context.Context) error
	// drain tells the panels goodbye, after the work is done.
	drain func(context.Context) error
}

func (s *service) listen(addr string, h *http.Server) (net.Listener, error) {
	ln, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, edge.Errorf(edge.CodePortBusy, "listen on %s: %w", addr, err).
			WithHint("another program may use the port; try --listen 127.0.0.1:0")
	}
	s.add(ln, h)
	return ln, nil
}

func (s *service) add(ln net.Listener, h *http.Server) {
	s.servers, s.lines = append(s.servers, h), append(s.lines, ln)
}

// run serves until ctx ends, devices last: they are made safe while the panel
// still shows it.
func (s *service) run(ctx context.Context, ready func()) error {
	g, ctx := errgroup.WithContext(ctx)
	for i, h := range s.servers {
		g.Go(func() error { return ignoreClosed(h.Serve(s.lines[i])) })
	}
	g.Go(func() error {
		defer func() {
			dctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), drainTime)
			defer cancel()
			if s.drain != nil {
				if err := s.drain(dctx); err != nil {
					s.log.Warn("panels not drained", "error", err)
				}
			}
			for _, h := range s.servers {
				_ = h.Shutdown(dctx)
				_ = h.Close()
			}
		}()
		w, ctx := errgroup.WithContext(ctx)
		for _, fn := range s.work {
			w.Go(func() error { return fn(ctx) })
		}
		return w.Wait()
	})
	ready()
	return g.Wait()
}

func ignoreClosed(err error) error {
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return err
}

// reachable is an address that a browser on this machine can open: where the
// box listens on all addresses, loopback stands for them.
func reachable(a net.Addr) string {
	tcp, ok := a.(*net.TCPAddr)
	if !ok || !tcp.IP.IsUnspecified() {
		return a.String()
	}
	return net.JoinHostPort("127.0.0.1", strconv.Itoa(tcp.Port))
}

// advertised is the URL by which other machines reach a listener. Where it takes
// all addresses, that one is named by which this machine reaches the broker.
func advertised(a net.Addr, broker string) string {
	tcp, ok := a.(*net.TCPAddr)
	if !ok {
		return "http://" + a.String()
	}
	host := tcp.IP.String()
	if tcp.IP.IsUnspecified() {
		host = "127.0.0.1"
		if c, err := net.Dial("udp", broker); err == nil { // sends nothing
			host = c.LocalAddr().(*net.UDPAddr).IP.String()
			_ = c.Close()
		}
	}
	return "http://" + net.JoinHostPort(host, strconv.Itoa(tcp.Port))
}

// profiler serves Go's profiles, to this machine only.
func profiler(addr string) (net.Listener, *http.Server, error) {
	host, _, err := net.SplitHostPort(addr)
	if err == nil && host != "localhost" {
		ip, perr := netip.ParseAddr(host)
		if perr != nil || !ip.IsLoopback() {
			err = fmt.Errorf("%q is not a loopback address", host)
		}
	}
	if err != nil {
		return nil, nil, edge.Errorf(edge.CodeBadRequest, "--pprof %q: %w", addr, err).
			WithHint("profiles show memory: only this machine may see them, such as --pprof 127.0.0.1:6060")
	}
	ln, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, nil, edge.Errorf(edge.CodePortBusy, "listen on %s: %w", addr, err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/debug/pprof/", pprof.Index)
	mux.HandleFunc("/debug/pprof/cmdline", pprof.Cmdline)
	mux.HandleFunc("/debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("/debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("/debug/pprof/trace", pprof.Trace)
	// A page whose name was pointed at this machine (DNS rebinding) reads nothing.
	local := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host, _, err := net.SplitHostPort(r.Host)
		if ip, perr := netip.ParseAddr(host); err != nil || host != "localhost" && (perr != nil || !ip.IsLoopback()) {
			http.Error(w, "only by localhost or a loopback address", http.StatusForbidden)
			return
		}
		mux.ServeHTTP(w, r)
	})
	return ln, &http.Server{Handler: local, ReadHeaderTimeout: 5 * time.Second}, nil
}
