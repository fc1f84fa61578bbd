package devices

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"labbox/devices/transport/hotplug"
	"labbox/devices/transport/mem"
	"labbox/devices/transport/pty"
	"labbox/devices/transport/serial"
	"labbox/devices/transport/serial/serialtest"
	"labbox/edge"
)

// tidings is the kernel's part of hot plug: what a test says.
type tidings chan hotplug.Event

func (c tidings) Next() (hotplug.Event, error) {
	if e, ok := <-c; ok {
		return e, nil
	}
	return hotplug.Event{}, io.EOF
}

func (c tidings) Close() error { close(c); return nil }

// clone is one of two boards that look all the same: only its socket is its own,
// and which duties it is sent.
type clone struct {
	*rig
	socket string
	from   int // its duties are from to from+9
	tty    string
	port   *pty.Port
	runs   sync.WaitGroup
	lines  int // that it had got when it was plugged in
	fence  uint64
	sent   atomic.Int64 // commands that were carried out
}

// storm is a USB bus with two clones on it.
type storm struct {
	t      *testing.T
	bus    *serialtest.Bus
	says   tidings
	clones []*clone
}

func newStorm(t *testing.T) *storm {
	s := &storm{t: t, bus: serialtest.NewBus(t), says: make(tidings, 64)}
	watch := hotplug.New(hotplug.Options{Open: func() (hotplug.Source, error) { return s.says, nil }})
	ports := serial.NewRegistry()
	for i, socket := range []string{"1-1.2", "1-1.3"} {
		c := &clone{socket: socket, from: 10 + 50*i}
		c.rig = newRig(t, mem.Options{}, func(typ *Type) { typ.Keep = time.Hour })
		c.cancel()
		<-c.done
		c.plate.set(func(p *plate) { p.interval = 6 * time.Millisecond }) // 11 kB/s: all that the line carries
		var err error
		c.line, err = serial.New(serial.Options{USB: serial.Match{VID: "1a86", PID: "7523", Location: socket}, ResetOnOpen: true,
			List: func() ([]serial.Info, error) { return serial.ListAt(s.bus.Sys, s.bus.Dev) }, Registry: ports, Owner: socket})
		if err != nil {
			t.Fatal(err)
		}
		c.plugs, _ = watch.Subscribe()
		c.start(c.t2(), 115200)
		s.clones = append(s.clones, c)
	}
	t.Cleanup(func() {
		for _, c := range s.clones {
			c.cancel()
			<-c.done
		}
		watch.Close()
	})
	return s
}

// plug plugs a board in; its port gets the first name that is free.
func (s *storm) plug(c *clone) {
	s.t.Helper()
	for n := 0; ; n++ {
		c.tty = "ttyUSB" + strconv.Itoa(n)
		if _, err := os.Lstat(filepath.Join(s.bus.Dev, c.tty)); err != nil {
			break
		}
	}
	p, err := pty.Open(pty.Options{})
	if err != nil {
		s.t.Skip("no pty:", err)
	}
	c.port, c.lines = p, len(c.plate.lines())
	c.runs.Go(func() { c.plate.run(p) })
	s.bus.Plug(serialtest.Board{TTY: c.tty, Socket: c.socket, VID: "1a86", PID: "7523", Port: p.Name()})
	s.says <- hotplug.Event{Action: "add", Subsystem: "tty", DevName: c.tty}
}

// unplug pulls a board out and looks at what it was sent meanwhile.
func (s *storm) unplug(c *clone) {
	s.t.Helper()
	s.bus.Unplug(c.tty)
	c.port.Close()
	s.says <- hotplug.Event{Action: "remove", Subsystem: "tty", DevName: c.tty}
	c.runs.Wait()
	s.inspect(c)
}

var dutyLine = regexp.MustCompile(`^\{"cmd":"duty","param":(\d+)\}$`)

// inspect: safe first, and nothing that was meant for the other one.
func (s *storm) inspect(c *clone) {
	s.t.Helper()
	got := c.plate.lines()[c.lines:]
	if len(got) > 0 && got[0] != safeLine {
		s.t.Fatalf("%s: the first line after plugging in is %q", c.socket, got[0])
	}
	for _, line := range got {
		if m := dutyLine.FindStringSubmatch(line); m != nil {
			if n, _ := strconv.Atoi(m[1]); n < c.from || n > c.from+9 {
				s.t.Fatalf("%s was sent %q, which is the other one's", c.socket, line)
			}
		}
	}
}

// drive sends commands for as long as ctx lasts, whether the device is there or
// not. None may wait for longer than a reply may take.
func (c *clone) drive(ctx context.Context) {
	for n := 0; ctx.Err() == nil; n++ {
		start := time.Now()
		err := c.duty(ann, c.fence, float64(c.from+n%10))
		if d := time.Since(start); d > 5*time.Second {
			c.t.Errorf("%s: a command took %v: %v", c.socket, d, err)
		}
		if err == nil {
			c.sent.Add(1)
		} else if edge.CodeOf(err) == "" || edge.CodeOf(err) == edge.CodeInternal {
			c.t.Errorf("%s: %v", c.socket, err)
		}
		time.Sleep(time.Millisecond)
	}
}

// Two clones are unplugged and plugged in again, a hundred times each, at any
// moment of their coming up, while data streams at full rate and commands are
// under way. Their ports change names all the time. Nothing needs a restart,
// nothing is left open, and each stays who it is.
func TestReplugStorm(t *testing.T) {
	s := newStorm(t)
	for _, c := range s.clones {
		s.plug(c)
	}
	ctx, cancel := context.WithCancel(t.Context())
	var drivers sync.WaitGroup
	for _, c := range s.clones {
		c.until("live", live)
		c.fence = c.take(ann)
		stop := c.beats(ann, c.fence)
		defer stop()
		drivers.Go(func() { c.drive(ctx) })
	}
	defer drivers.Wait()
	defer cancel()
	files, routines := openFiles(t), runtime.NumGoroutine()
	rnd := rand.New(rand.NewPCG(1, 2))
	names := map[string]bool{}
	start := time.Now()
	for round := range 100 {
		pair := []*clone{s.clones[0], s.clones[1]}
		swap := func() {
			if rnd.IntN(2) == 0 {
				pair[0], pair[1] = pair[1], pair[0]
			}
		}
		swap()
		for _, c := range pair {
			s.unplug(c)
		}
		if rnd.IntN(4) == 0 {
			time.Sleep(time.Duration(rnd.IntN(50)) * time.Millisecond)
		}
		swap()
		for _, c := range pair {
			s.plug(c)
			names[c.socket+" "+c.tty] = true
		}
		if round%3 == 2 { // all the way up
			for _, c := range pair {
				n := c.sent.Load()
				c.until(fmt.Sprintf("round %d: driven again", round), func(st edge.Status) bool { return live(st) && c.sent.Load() > n })
			}
		} else { // anywhere on the way
			time.Sleep(time.Duration(rnd.IntN(120)) * time.Millisecond)
		}
	}
	for _, c := range s.clones {
		n := c.sent.Load()
		c.until("driven at the end", func(st edge.Status) bool { return live(st) && c.sent.Load() > n+3 })
		s.inspect(c)
		st := c.Status()
		t.Logf("%s: %d commands, %d reconnects, %d samples in %v", c.socket, c.sent.Load(), st.Counts.Reconnects, c.sink.count(), time.Since(start))
	}
	if len(names) != 4 {
		t.Errorf("the names did not change hands: %v", names)
	}
	for end := time.Now().Add(5 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		f, r := openFiles(t), runtime.NumGoroutine()
		if f <= files && r <= routines {
			break
		}
		if time.Now().After(end) {
			t.Fatalf("%d open files, %d at first; %d goroutines, %d at first", f, files, r, routines)
		}
	}
	cancel()
	drivers.Wait()
	for _, c := range s.clones {
		s.unplug(c)
	}
}

func (s *logSink) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.samples
}
