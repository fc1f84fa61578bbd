package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"sync/atomic"
	"time"

	"labbox/devices"
	"labbox/devices/capture"
	"labbox/devices/transport"
	"labbox/edge"
	"labbox/edge/config"
)

// captureFlags are the flags of `labbox capture`.
type captureFlags struct {
	out, typ, config, device string
	took                     time.Duration
	baud                     int
	commands                 bool
}

func captureCommand(fs *flag.FlagSet) func(context.Context, streams, []string) error {
	var f captureFlags
	fs.StringVar(&f.out, "o", "", "the `FILE` to write; it must not exist yet")
	fs.StringVar(&f.typ, "type", "", "`TYPE` of the device, a name of the catalogue or a file: its polls are asked; default: only listen")
	fs.StringVar(&f.config, "config", "", "box `FILE` that --device stands in")
	fs.StringVar(&f.device, "device", "", "`ID` of a device of the box file, in place of PORT")
	fs.DurationVar(&f.took, "for", 0, "stop after this `TIME`; default: until Ctrl-C")
	fs.IntVar(&f.baud, "baud", 0, "another baud `RATE` than the type's")
	fs.BoolVar(&f.commands, "commands", false, "send what a box sends at connecting and the safe sequence too, not only questions")
	return func(ctx context.Context, s streams, args []string) error { return f.run(ctx, s, args) }
}

// source is the port and the type that the flags name; the type is nil where
// nothing is to be asked.
func (f *captureFlags) source(args []string) (t *devices.Type, p config.Port, name string, err error) {
	reg, err := devices.NewRegistry()
	if err != nil {
		return nil, p, "", err
	}
	dir := "."
	switch {
	case f.device != "" && f.config != "" && len(args) == 0:
		box, ps := config.LoadBox(f.config)
		if err := ps.Err(); err != nil {
			return nil, p, "", err
		}
		found := false
		for i := range box.Devices {
			if d := &box.Devices[i]; d.ID == f.device {
				p, name, found = d.Port, f.device, true
				if f.typ == "" {
					f.typ, dir = d.Type, box.Dir
				}
			}
		}
		if !found {
			return nil, p, "", edge.Errorf(edge.CodeBadRequest, "%s has no device %q", f.config, f.device)
		}
	case f.device != "" || f.config != "" || len(args) != 1:
		return nil, p, "", edge.Errorf(edge.CodeBadRequest, "say which port").WithHint("labbox capture PORT -o FILE, or labbox capture --config box.yaml --device ID -o FILE")
	default:
		p, name = portOf(args[0], 0), args[0]
	}
	if f.baud > 0 {
		p.Baud = f.baud
	}
	if f.typ == "" {
		return nil, p, name, nil
	}
	t, err = reg.Type(f.typ, dir)
	return t, p, name, err
}

func (f *captureFlags) run(ctx context.Context, s streams, args []string) error {
	if f.out == "" {
		return edge.Errorf(edge.CodeBadRequest, "no -o").WithHint("such as -o device.capture")
	}
	t, p, name, err := f.source(args)
	if err != nil {
		return err
	}
	settings := t
	if t == nil {
		settings = devices.Unknown()
	}
	opener, baud, err := devices.OpenPort(settings, p)
	if err != nil {
		return err
	}
	file, err := os.OpenFile(f.out, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return edge.Errorf(edge.CodeBadRequest, "%w", err).WithHint("another name, or remove the old one")
	}
	defer file.Close()
	h := capture.Header{Port: name, Baud: baud, Date: time.Now()}
	if t != nil {
		h.Type, h.Hash = t.Name, t.Hash()
	}
	w, err := capture.NewWriter(file, h)
	if err != nil {
		return err
	}
	ctx, cancel := timeout(ctx, f.took)
	defer cancel()
	fmt.Fprintf(s.out, "capturing %s to %s\n", name, f.out)
	var got, sent atomic.Int64
	var failed atomic.Pointer[error]
	note := func(c capture.Chunk) {
		if c.Sent {
			sent.Add(int64(len(c.Data)))
		} else {
			got.Add(int64(len(c.Data)))
		}
		if err := w.Add(c); err != nil {
			failed.Store(&err)
			cancel()
		}
	}
	stop := syncing(w)
	began := time.Now()
	if t == nil {
		err = listen(ctx, opener, began, note)
	} else {
		trial := devices.Trial{Type: t, Opener: opener, Baud: baud, Commands: f.commands, Note: note}
		var rep *devices.TryReport
		if rep, err = trial.Run(ctx); err == nil && rep.Lost != nil {
			err = rep.Lost
		}
	}
	stop()
	fmt.Fprintf(s.out, "%d bytes from the device, %d to it, in %.1f s\n", got.Load(), sent.Load(), time.Since(began).Seconds())
	if bad := failed.Load(); bad != nil {
		return *bad
	}
	return err
}

// syncing has the file put on the disk once a second, and once more at the end.
func syncing(w *capture.Writer) (stop func()) {
	done, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		tick := time.NewTicker(time.Second)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				_ = w.Sync()
			case <-done:
				_ = w.Sync()
				return
			}
		}
	}()
	return func() { close(done); <-ended }
}

// listen notes what a port receives until ctx ends.
func listen(ctx context.Context, opener transport.Opener, began time.Time, note func(capture.Chunk)) error {
	port, err := opener.Open(ctx)
	if err != nil {
		return err
	}
	defer port.Close()
	stop := context.AfterFunc(ctx, func() { _ = port.Close() })
	defer stop()
	port = capture.Tap(port, func() time.Duration { return time.Since(began) }, note)
	buf := make([]byte, 16<<10)
	for {
		if _, _, err := port.Receive(buf); err != nil && !errors.Is(err, transport.ErrTooLong) {
			if ctx.Err() != nil {
				return nil //nolint:nilerr // it was told to end
			}
			return err
		}
	}
}
