//go:build linux

package modbus

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// mbpoll runs the client program and returns what it says.
func mbpoll(t *testing.T, args ...string) string {
	t.Helper()
	out, err := exec.Command(tool(t, "mbpoll", "mbpoll"), args...).CombinedOutput()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return string(out)
}

// serveLine runs a server on a line until the line is closed.
func serveLine(l line, s *Server) {
	var in [64]byte
	send := func(p []byte) { _, _ = l.Write(p) }
	for {
		_ = l.SetReadDeadline(time.Now().Add(30 * time.Millisecond))
		n, err := l.Read(in[:])
		s.Feed(in[:n], send)
		switch {
		case errors.Is(err, os.ErrDeadlineExceeded):
			if s.mode == RTU {
				s.Silence(send)
			}
		case err != nil:
			return
		}
	}
}

func TestPeerMbpoll(t *testing.T) {
	tool(t, "mbpoll", "mbpoll")
	regs := []Register{
		{Table: Holding, At: 0, As: U16}, {Table: Holding, At: 1, As: U16},
		{Table: Input, At: 0, As: F32, WordOrder: Little}, {Table: Input, At: 2, As: F32}, {Table: Input, At: 4, As: I32},
		{Table: Coil, At: 3}, {Table: Discrete, At: 4}, {Table: Discrete, At: 5},
	}
	values := []float64{100, 65535, 21.5, -0.25, -70000, 1, 1, 0}
	for _, m := range []Mode{RTU, TCP} {
		t.Run(m.String(), func(t *testing.T) {
			bank := must(NewBank(regs, 0))
			for i, r := range regs {
				if err := bank.Set(r, values[i]); err != nil {
					t.Fatal(err)
				}
			}
			srv := NewServer(m)
			srv.Attach(1, bank)
			peer := serveMbpoll(t, m, srv)
			for _, c := range []struct {
				args string
				want string // all of them, separated by |
			}{
				{"-t 4 -r 1 -c 2", "[1]: \t100|[2]: \t65535"},
				{"-t 3:float -r 1", "[1]: \t21.5"},
				{"-B -t 3:float -r 3", "[3]: \t-0.25"},
				{"-B -t 3:int -r 5", "[5]: \t-70000"},
				{"-t 0 -r 4", "[4]: \t1"},
				{"-t 1 -r 5 -c 2", "[5]: \t1|[6]: \t0"},
				{"-t 4 -r 2 -c 2", "Illegal data address"},
				{"-t 4 -r 1 PORT 7", "Written 1 references"},
				{"-t 4 -r 1 PORT 8 9", "Written 2 references"},
				{"-t 4 -r 1 -c 2", "[1]: \t8|[2]: \t9"},
				{"-t 0 -r 4 PORT 0", "Written 1 references"},
				{"-t 0 -r 4", "[4]: \t0"},
				{"-t 4 -r 40 PORT 1", "Illegal data address"},
			} {
				args := append([]string{"-1", "-a", "1", "-o", "5"}, peer.options...)
				fields := strings.Fields(c.args)
				tail := []string{peer.target}
				for i, f := range fields {
					if f == "PORT" {
						tail = append(tail, fields[i+1:]...)
						fields = fields[:i]
						break
					}
				}
				out := mbpoll(t, append(append(args, fields...), tail...)...)
				for _, w := range strings.Split(c.want, "|") {
					if !strings.Contains(out, w) {
						t.Errorf("mbpoll %s: %q is not in\n%s", c.args, w, out)
					}
				}
			}
			if m == RTU {
				// Function 17, which is not spoken: exception 1.
				out := mbpoll(t, append(append([]string{"-u", "-a", "1", "-o", "5"}, peer.options...), peer.target)...)
				if !strings.Contains(out, "Illegal function") {
					t.Errorf("mbpoll -u:\n%s", out)
				}
			}
			peer.stop()
			if s := srv.Stats(); s.Garbage != 0 || s.Requests < 13 || s.Exceptions < 2 {
				t.Errorf("%+v", s)
			}
		})
	}
}

type served struct {
	options []string
	target  string
	stop    func()
}

// serveMbpoll serves on a pty pair or on one TCP connection after the other.
func serveMbpoll(t *testing.T, m Mode, srv *Server) served {
	t.Helper()
	done := make(chan struct{})
	if m == RTU {
		here, there := ptyPair(t)
		port := openPort(t, here)
		go func() { defer close(done); serveLine(port, srv) }()
		return served{[]string{"-m", "rtu", "-b", "115200", "-P", "none"}, there, func() { port.Close(); <-done }}
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(done)
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			srv.Reset()
			serveLine(c.(line), srv)
			c.Close()
		}
	}()
	return served{[]string{"-m", "tcp", "-p", fmt.Sprint(l.Addr().(*net.TCPAddr).Port)}, "127.0.0.1", func() { l.Close(); <-done }}
}
