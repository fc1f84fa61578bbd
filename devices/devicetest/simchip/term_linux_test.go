package simchip

import (
	"bufio"
	"encoding/json"
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// readTimeout is wall time: long enough for a starved machine, it only ends a test that hangs.
const readTimeout = 60 * time.Second

// term is a raw terminal on a chip's port: it knows lines, and telemetry from anything else.
type term struct {
	t *testing.T
	f *os.File
	r *bufio.Reader
}

// report is one telemetry line of the plate.
type report struct {
	N    *uint32 `json:"n"`
	T    uint32  `json:"t"`
	Temp float64 `json:"temp"`
	Duty int     `json:"duty"`
	Fan  int     `json:"fan"`
	Safe int     `json:"safe"`
}

// dial opens the port and waits until the chip has noticed, so that nothing it says is lost.
func dial(t *testing.T, c *Chip) *term {
	t.Helper()
	f, err := os.OpenFile(c.Path(), os.O_RDWR|unix.O_NOCTTY|unix.O_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	if !c.Stats().Open {
		t.Fatal("the harness does not see that the port is open")
	}
	return &term{t, f, bufio.NewReader(f)}
}

// reboot resets the chip and returns once its banner has come.
func (p *term) reboot(c *Chip) {
	p.t.Helper()
	c.Reset()
	p.until(banner)
}

func (p *term) send(s string) {
	p.t.Helper()
	p.f.SetWriteDeadline(time.Now().Add(readTimeout))
	if _, err := p.f.WriteString(s); err != nil {
		p.t.Fatal(err)
	}
}

// line returns the next line without its CR LF.
func (p *term) line() string {
	p.t.Helper()
	p.f.SetReadDeadline(time.Now().Add(readTimeout))
	s, err := p.r.ReadString('\n')
	if err != nil {
		p.t.Fatalf("after %q: %v", s, err)
	}
	if !strings.HasSuffix(s, "\r\n") {
		p.t.Fatalf("line %q does not end in CR LF", s)
	}
	return strings.TrimSuffix(s, "\r\n")
}

// until skips to the line that ends in want; the first line after opening may have lost its beginning.
func (p *term) until(want string) {
	p.t.Helper()
	for s := p.line(); !strings.HasSuffix(s, want); s = p.line() {
	}
}

// other returns the next line that is not telemetry.
func (p *term) other() string {
	p.t.Helper()
	for {
		if s := p.line(); !strings.HasPrefix(s, `{"n":`) {
			return s
		}
	}
}

// report returns the next telemetry line; anything else must at least be JSON.
func (p *term) report() report {
	p.t.Helper()
	for {
		s := p.line()
		if !json.Valid([]byte(s)) {
			p.t.Fatalf("%q is not JSON", s)
		}
		if r, ok := parseReport(s); ok {
			return r
		}
	}
}

func parseReport(s string) (r report, ok bool) {
	err := json.Unmarshal([]byte(s), &r)
	return r, err == nil && r.N != nil
}

// ask sends a command line and returns what the firmware says to it.
func (p *term) ask(command string) string {
	p.t.Helper()
	p.send(command + "\n")
	return p.other()
}

func (p *term) expect(command, want string) {
	p.t.Helper()
	if got := p.ask(command); got != want {
		p.t.Errorf("%s: got %s, want %s", command, got, want)
	}
}

// step is expect with a paused chip: it runs just long enough for the answer.
func (p *term) step(c *Chip, command, want string) {
	p.t.Helper()
	p.send(command + "\n")
	c.RunFor(40 * time.Millisecond)
	if got := p.other(); got != want {
		p.t.Errorf("%s: got %s, want %s", command, got, want)
	}
}
