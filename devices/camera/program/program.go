// Package program takes pictures from a program that writes them to its standard
// output: JPEGs one after another, or in parts (`program:` in the box file).
//
//	src, err := program.New(program.Options{Args: []string{"rpicam-vid", "--codec", "mjpeg", "-t", "0", "-o", "-"}, Max: 4 << 20})
//	stream, err := src.Open(ctx)
//	jpeg, err := stream.Next()
//
// The program runs without a shell, in a process group of its own, with nothing to read
// and an environment of a few names (Passed), as that of the box may hold passwords. What
// it writes to standard error is read always; its last lines tell why it ended, and a few
// a minute go to the log, both without what Options.Secrets names and without passwords
// in addresses. When the stream is closed its group is asked to end (SIGTERM), and killed
// after Grace, or when the program itself has ended. On Linux it is killed when this
// process dies in any way: the parent-death signal (prctl(2), PR_SET_PDEATHSIG) follows
// the thread that started it, which is kept for it alone.
//
// Known limits: a child that leaves the group (setsid) is not found, though it can write
// no more pictures; when this process is killed, the program's own children end only as
// their output breaks. On Windows only the program itself is ended, at once; elsewhere
// than on Linux one that writes nothing survives a kill of this process. An argument is
// seen by all users of the machine: it is no place for a password.
package program

import (
	"context"
	"errors"
	"log/slog"
	"os/exec"
	"path/filepath"
	"time"

	"labbox/devices/camera/intake"
	"labbox/devices/camera/source"
)

// Options of a program. Args and Max are required.
type Options struct {
	Args    []string
	Name    string   // for String; "": the program's name
	Input   []byte   // its standard input; nil: empty
	Env     []string // NAME=VALUE besides Passed
	Form    intake.Form
	Max     int           // bytes of one picture
	First   time.Duration // until the first byte; 0: DefaultFirst
	Stall   time.Duration // without a byte after that; 0: intake.DefaultStall
	Grace   time.Duration // from SIGTERM to SIGKILL; 0: DefaultGrace
	Secrets []string      // that are in no log and in no error
	Logger  *slog.Logger
	// Install is a hint for a program that is not there.
	Install string
	// Explain finds the reason in the last lines that the program wrote; "": none there.
	Explain func(lines []string) (why source.Why, hint string)
}

// What holds where Options say nothing.
const (
	DefaultFirst = 15 * time.Second // some cameras need as long to begin
	DefaultGrace = 2 * time.Second
)

type program struct {
	o   Options
	log *lineLog
}

// New makes the source; nothing is started yet.
func New(o Options) (source.Source, error) {
	if len(o.Args) == 0 || o.Args[0] == "" {
		return nil, source.Lost(source.Unsupported, "no program is named")
	}
	if o.Name == "" {
		o.Name = "program " + filepath.Base(o.Args[0])
	}
	if o.First <= 0 {
		o.First = DefaultFirst
	}
	if o.Grace <= 0 {
		o.Grace = DefaultGrace
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return &program{o: o, log: &lineLog{log: o.Logger.With("camera_source", o.Name)}}, nil
}

// String is without the arguments.
func (p *program) String() string { return p.o.Name }

// Open starts the program.
func (p *program) Open(ctx context.Context) (source.Stream, error) {
	if err := ctx.Err(); err != nil {
		return nil, source.Lost(source.Ended, "closed")
	}
	path, err := exec.LookPath(p.o.Args[0])
	if err != nil {
		e := source.Lost(source.Unsupported, "%s is not installed, or not in PATH", filepath.Base(p.o.Args[0]))
		if errors.Is(err, exec.ErrDot) {
			e = source.Lost(source.Unsupported, "%s is found in the current directory only", filepath.Base(p.o.Args[0]))
		}
		if p.o.Install != "" {
			e = e.WithHint("%s", p.o.Install)
		}
		return nil, e
	}
	s, err := p.start(path)
	if err != nil {
		return nil, source.Lost(source.Unsupported, "%s does not start: %s", filepath.Base(path), root(err))
	}
	s.unwatch = context.AfterFunc(ctx, s.stop)
	return s, nil
}

// root is an error of starting without the path that stands before it.
func root(err error) error {
	for next := err; next != nil; next = errors.Unwrap(next) {
		err = next
	}
	return err
}
