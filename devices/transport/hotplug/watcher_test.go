package hotplug

import (
	"errors"
	"io"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// fake is a source that says what a test says.
type fake struct {
	say    chan any // an Event or an error
	closed chan struct{}
}

func newFake() *fake { return &fake{say: make(chan any), closed: make(chan struct{})} }

func (f *fake) Next() (Event, error) {
	select {
	case x := <-f.say:
		if err, is := x.(error); is {
			return Event{}, err
		}
		return x.(Event), nil
	case <-f.closed:
		return Event{}, io.ErrClosedPipe
	}
}

func (f *fake) Close() error { close(f.closed); return nil }

func (f *fake) open() (Source, error) { return f, nil }

var board = Event{Action: "add", DevPath: "/devices/x/tty/ttyACM0", Subsystem: "tty", DevName: "ttyACM0"}

// wakings notes when a subscriber is told, until quiet for two seconds.
func wakings(c <-chan struct{}) (at []time.Duration) {
	start := time.Now()
	for {
		select {
		case <-c:
			at = append(at, time.Since(start))
		case <-time.After(2 * time.Second):
			return at
		}
	}
}

func TestAnEventIsToldUntilThePortHasSettled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		w := New(Options{Open: f.open})
		defer w.Close()
		a, _ := w.Subscribe()
		b, end := w.Subscribe()
		end()
		f.say <- Event{Action: "add", Subsystem: "block"}
		if at := wakings(a); len(at) != 0 {
			t.Errorf("a disk woke at %v", at)
		}
		f.say <- board
		if at := wakings(a); !slices.Equal(at, settle[:]) {
			t.Errorf("woken at %v, want %v", at, settle)
		}
		f.say <- ErrOverrun
		if at := wakings(a); len(at) == 0 || at[0] != 0 {
			t.Errorf("after an overrun woken at %v", at)
		}
		select {
		case <-b:
			t.Error("a former subscriber was told")
		default:
		}
	})
}

// A board that boots in a loop wakes the others no more than 50 times a second,
// and whoever is slow finds one token.
func TestEventsWithoutEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		w := New(Options{Open: f.open})
		defer w.Close()
		slow, _ := w.Subscribe()
		quick, _ := w.Subscribe()
		stop := make(chan struct{})
		go func() {
			for range 1000 {
				f.say <- board
				time.Sleep(time.Millisecond)
			}
			close(stop)
		}()
		n := 0
		for {
			select {
			case <-quick:
				n++
				continue
			case <-stop:
			}
			break
		}
		if n < 40 || n > 51 {
			t.Errorf("%d wakings in a second", n)
		}
		if len(slow) != 1 {
			t.Errorf("%d tokens wait", len(slow))
		}
	})
}

func TestTheScanMakesUpForEvents(t *testing.T) {
	for name, tt := range map[string]struct {
		open  func() (Source, error)
		every time.Duration
	}{
		"no events":         {func() (Source, error) { return nil, errors.ErrUnsupported }, scanAlone},
		"events forbidden":  {func() (Source, error) { return nil, io.ErrUnexpectedEOF }, scanAlone},
		"events beside":     {newFake().open, scanWithEvents},
		"events have ended": {func() (Source, error) { f := newFake(); go func() { f.say <- io.EOF }(); return f, nil }, scanWithEvents},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var ports atomic.Pointer[[]string]
				ports.Store(&[]string{"/dev/ttyS0"})
				open := tt.open
				if name == "events beside" {
					open = newFake().open // of this bubble
				}
				w := New(Options{Open: open, Scan: func() ([]string, error) {
					if p := ports.Load(); p != nil {
						return *p, nil
					}
					return nil, io.ErrNoProgress
				}})
				defer w.Close()
				c, _ := w.Subscribe()
				time.Sleep(10*tt.every + tt.every/2)
				select {
				case <-c:
					t.Fatal("woken for nothing")
				default:
				}
				ports.Store(nil) // a scan that fails says nothing
				time.Sleep(2 * tt.every)
				ports.Store(&[]string{"/dev/ttyS0"})
				time.Sleep(2 * tt.every)
				select {
				case <-c:
					t.Fatal("woken by a scan that failed")
				default:
				}
				ports.Store(&[]string{"/dev/ttyACM0", "/dev/ttyS0"})
				start := time.Now()
				select {
				case <-c:
				case <-time.After(time.Minute):
					t.Fatal("never woken")
				}
				if d := time.Since(start); d > tt.every {
					t.Errorf("woken after %v, want at most %v", d, tt.every)
				}
			})
		})
	}
}

func TestCloseTwice(t *testing.T) {
	w := New(Options{Open: newFake().open})
	w.Close()
	w.Close()
}
