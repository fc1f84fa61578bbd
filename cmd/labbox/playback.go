package main

import (
	"bufio"
	"context"
	"flag"
	"fmt"
	"io"
	"math"
	"os"
	"strconv"
	"time"

	"labbox/devices"
	"labbox/devices/capture"
	"labbox/edge"
	"labbox/edge/frame"
)

// playbackFlags are the flags of `labbox playback`.
type playbackFlags struct {
	typ, pty string
	speed    float64
}

func playbackCommand(fs *flag.FlagSet) func(context.Context, streams, []string) error {
	var f playbackFlags
	fs.StringVar(&f.typ, "type", "", "`TYPE` that reads it, a name of the catalogue or a file; default: the one in the file")
	fs.StringVar(&f.pty, "pty", "", "stand in for the device at this `PATH`, in place of printing samples")
	fs.Float64Var(&f.speed, "speed", 0, "so many times as fast as it was recorded; default: with --pty 1, else as fast as it goes")
	return func(ctx context.Context, s streams, args []string) error {
		if f.speed < 0 || math.IsNaN(f.speed) || f.speed > 1e6 {
			return edge.Errorf(edge.CodeBadRequest, "--speed %g", f.speed).WithHint("such as 1 or 10")
		}
		file, err := os.Open(args[0])
		if err != nil {
			return edge.Errorf(edge.CodeBadRequest, "%w", err)
		}
		defer file.Close()
		r, err := capture.NewReader(file)
		if err != nil {
			return fmt.Errorf("%s: %w", args[0], err)
		}
		if f.pty != "" {
			return standIn(ctx, s, r, f.pty, f.speed)
		}
		return f.print(ctx, s, r)
	}
}

// print plays the capture into the parser and prints the samples as CSV.
func (f *playbackFlags) print(ctx context.Context, s streams, r *capture.Reader) error {
	name := f.typ
	if name == "" {
		name = r.Header().Type
	}
	if name == "" {
		return edge.Errorf(edge.CodeBadRequest, "the capture does not say of which type the device is").WithHint("--type TYPE")
	}
	reg, err := devices.NewRegistry()
	if err != nil {
		return err
	}
	t, err := reg.Type(name, ".")
	if err != nil {
		return err
	}
	if h := r.Header().Hash; h != "" && h != t.Hash() && f.typ == "" {
		fmt.Fprintf(s.err, "note: it was captured with another version of the type %s\n", t.Name)
	}
	out := bufio.NewWriter(s.out)
	defer out.Flush()
	table := csvTable{w: out}
	p := devices.Player{Type: t, Row: table.row}
	if f.speed > 0 {
		began := time.Now()
		p.Pace = func(at time.Duration) {
			_ = out.Flush()
			pause(ctx, time.Until(began.Add(time.Duration(float64(at)/f.speed))))
		}
	}
	rep, err := p.Play(r)
	if err != nil {
		return err
	}
	if err := out.Flush(); err != nil {
		return err
	}
	if r.CutOff() {
		fmt.Fprintln(s.err, "note: the last line is cut off")
	}
	_, err = rep.WriteTo(s.err)
	return err
}

// pause waits until d is over or ctx ends.
func pause(ctx context.Context, d time.Duration) {
	if d <= 0 {
		return
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}

// csvTable prints rows; a header stands before the first, and again where the
// channels change.
type csvTable struct {
	w    io.Writer
	head string
	line []byte
}

func (c *csvTable) row(r devices.Row) {
	head := "time_s,device_us,lost"
	for i := range r.Channels {
		head += "," + r.Channels[i].ID
	}
	if head != c.head {
		c.head = head
		fmt.Fprintln(c.w, head)
	}
	c.line = strconv.AppendFloat(c.line[:0], r.At.Seconds(), 'f', 6, 64)
	c.line = append(c.line, ',')
	if !math.IsNaN(r.DeviceUS) {
		c.line = strconv.AppendFloat(c.line, r.DeviceUS, 'f', -1, 64)
	}
	switch c.line = append(c.line, ','); r.Lost {
	case 0:
	case frame.LostUnknown:
		c.line = append(c.line, '?')
	default:
		c.line = strconv.AppendUint(c.line, uint64(r.Lost), 10)
	}
	for _, x := range r.Values {
		if c.line = append(c.line, ','); !math.IsNaN(x) {
			c.line = strconv.AppendFloat(c.line, x, 'g', 7, 64)
		}
	}
	_, _ = c.w.Write(append(c.line, '\n'))
}
