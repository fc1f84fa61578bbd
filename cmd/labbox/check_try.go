package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"net"
	"strings"
	"time"

	"labbox/devices"
	"labbox/devices/transport"
	"labbox/edge"
	"labbox/edge/config"
)

// tryFlags are the flags of `labbox check --try`.
type tryFlags struct {
	port     string
	took     time.Duration
	commands bool
	baud     int
	quiet    bool
}

func (f *tryFlags) add(fs *flag.FlagSet) {
	fs.StringVar(&f.port, "try", "", "try the type file on the device at `PORT` (a path or HOST:PORT); without a file: guess what it speaks")
	fs.DurationVar(&f.took, "for", 0, "with --try: stop after this `TIME`, such as 10s; default: until Ctrl-C")
	fs.BoolVar(&f.commands, "commands", false, "with --try: send what a box sends at connecting and the safe sequence too, not only questions")
	fs.IntVar(&f.baud, "baud", 0, "with --try: another baud `RATE` than the type's")
	fs.BoolVar(&f.quiet, "summary", false, "with --try: print the summary only")
}

// portOf is a port as a person names it.
func portOf(name string, baud int) config.Port {
	name, isURL := strings.CutPrefix(name, "tcp://")
	host, _, err := net.SplitHostPort(name)
	if isURL || err == nil && host != "" && !strings.ContainsAny(host, `/\`) {
		return config.Port{TCP: name}
	}
	return config.Port{Path: name, Baud: baud}
}

// tryType tries a type file on a live device.
func tryType(ctx context.Context, s streams, file string, f *tryFlags) error {
	reg, err := devices.NewRegistry()
	if err != nil {
		return err
	}
	t, err := reg.Type(file, ".")
	if err != nil {
		return err
	}
	opener, baud, err := devices.OpenPort(t, portOf(f.port, f.baud))
	if err != nil {
		return err
	}
	trial := devices.Trial{Type: t, Opener: opener, Baud: baud, Commands: f.commands}
	if !f.quiet {
		trial.Line = func(l devices.TryLine) { printTryLine(s.out, l) }
	}
	ctx, cancel := timeout(ctx, f.took)
	defer cancel()
	rep, err := trial.Run(ctx)
	if err != nil {
		return err
	}
	if _, err := rep.WriteTo(s.out); err != nil {
		return err
	}
	if !rep.Proved || rep.Unsafe != nil {
		return exitError(exitFailed)
	}
	return nil
}

// timeout ends ctx after d; 0: never.
func timeout(ctx context.Context, d time.Duration) (context.Context, context.CancelFunc) {
	if d <= 0 {
		return context.WithCancel(ctx)
	}
	return context.WithTimeout(ctx, d)
}

func printTryLine(w io.Writer, l devices.TryLine) {
	at := fmt.Sprintf("%9.3f %c ", l.At.Seconds(), l.Dir)
	switch {
	case l.Dir == '!':
		fmt.Fprintf(w, "%s%s\n", at, l.Text)
	case l.Text == "":
		fmt.Fprintf(w, "%s%s\n", at, devices.QuoteBytes(l.Bytes))
	default:
		fmt.Fprintf(w, "%s%-40s  %s\n", at, devices.QuoteBytes(l.Bytes), l.Text)
	}
}

// run tries the file, or guesses where there is none.
func (f *tryFlags) run(ctx context.Context, s streams, files []string) error {
	switch len(files) {
	case 0:
		return guessType(ctx, s, f)
	case 1:
		return tryType(ctx, s, files[0], f)
	}
	return edge.Errorf(edge.CodeBadRequest, "--try takes one type file").WithHint("labbox check --try %s FILE", f.port)
}

// guessType finds out what a device speaks, and prints a type file to begin with.
func guessType(ctx context.Context, s streams, f *tryFlags) error {
	spec := portOf(f.port, 0)
	g := devices.Guesser{Bauds: devices.GuessBauds(), Tell: func(text string) { fmt.Fprintln(s.err, text) },
		Open: func(baud int) (transport.Opener, error) {
			p := spec
			if p.Path != "" {
				p.Baud = baud
			}
			op, _, err := devices.OpenPort(devices.Unknown(), p)
			return op, err
		}}
	switch {
	case spec.TCP != "":
		g.Bauds = []int{0}
	case f.baud > 0:
		g.Bauds = []int{f.baud}
	}
	ctx, cancel := timeout(ctx, f.took)
	defer cancel()
	found, err := g.Run(ctx)
	if err != nil {
		return err
	}
	if found == nil {
		fmt.Fprintln(s.err, "labbox: nothing that labbox knows")
		fmt.Fprintln(s.err, "hint: is it switched on? What does its manual say? Readable lines of another form: describe them with `protocol: {messages: ...}`")
		fmt.Fprintln(s.err, "hint: a binary protocol: labbox capture "+f.port+" -o FILE")
		return exitError(exitFailed)
	}
	fmt.Fprintf(s.err, "it sent: %s\n", found.Evidence)
	fmt.Fprint(s.out, found.Skeleton)
	return nil
}
