package program

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"sync"
	"time"

	"labbox/devices/camera/intake"
	"labbox/devices/camera/source"
	"labbox/edge"
)

const (
	maxInput  = 4096                   // fits into a pipe that nobody reads yet
	lastWords = 500 * time.Millisecond // from the end of its output to its own
	hungOn    = 200 * time.Millisecond // for what a child that is left still writes to standard error
	giveUp    = 3 * time.Second        // after SIGKILL: it hangs in the kernel
)

// stream is a program that runs.
type stream struct {
	p       *program
	in      *intake.Intake
	out     *os.File
	tail    *tail
	unwatch func() bool

	once   sync.Once
	quit   chan struct{} // closed: it is to end
	exited chan struct{} // closed: it has ended
	done   chan struct{} // closed: nothing of it is left
	cmd    *exec.Cmd

	mu   sync.Mutex
	gone bool // its number may be another's
}

// start runs the program and what watches over it.
func (p *program) start(path string) (*stream, error) {
	var files []*os.File
	closeAll := func() {
		for _, f := range files {
			_ = f.Close()
		}
	}
	pipe := func() (r, w *os.File, err error) {
		if r, w, err = os.Pipe(); err == nil {
			files = append(files, r, w)
		}
		return r, w, err
	}
	outR, outW, err := pipe()
	if err != nil {
		return nil, err
	}
	errR, errW, err := pipe()
	if err != nil {
		closeAll()
		return nil, err
	}
	cmd := &exec.Cmd{Path: path, Args: p.o.Args, Env: environ(p.o.Env), Stdout: outW, Stderr: errW, SysProcAttr: attributes()}
	theirs := []*os.File{outW, errW}
	if p.o.Input != nil {
		inR, err := input(p.o.Input)
		if err != nil {
			closeAll()
			return nil, err
		}
		cmd.Stdin, files, theirs = inR, append(files, inR), append(theirs, inR)
	}
	s := &stream{p: p, out: outR, cmd: cmd, quit: make(chan struct{}), exited: make(chan struct{}), done: make(chan struct{})}
	s.tail = newTail(p.o.Secrets, s.logLine)
	started := make(chan error)
	go s.life(errR, started)
	if err := <-started; err != nil {
		closeAll()
		return nil, err
	}
	for _, f := range theirs {
		_ = f.Close()
	}
	s.in = intake.New(outR, s.stop, intake.Options{Max: p.o.Max, Form: p.o.Form, First: p.o.First, Stall: p.o.Stall})
	return s, nil
}

// logLine logs what the program says, except of its being ended.
func (s *stream) logLine(line string) {
	select {
	case <-s.quit:
	default:
		s.p.log.line(line)
	}
}

// input is a pipe that holds b.
func input(b []byte) (*os.File, error) {
	if len(b) > maxInput {
		return nil, fmt.Errorf("an input of %d bytes; the limit is %d", len(b), maxInput)
	}
	r, w, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	_, err = w.Write(b)
	if err = errors.Join(err, w.Close()); err != nil {
		_ = r.Close()
		return nil, err
	}
	return r, nil
}

// life starts the program, waits for its end and leaves nothing of it. It keeps the
// thread: the parent-death signal comes when the thread that started a process ends.
func (s *stream) life(errR *os.File, started chan<- error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	err := s.cmd.Start()
	started <- err
	if err != nil {
		return
	}
	read := make(chan struct{})
	go func() {
		defer close(read)
		s.tail.read(errR)
	}()
	go s.end()
	reap(s.cmd, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.gone = true
		killGroup(s.cmd.Process) // those it has left behind
	})
	close(s.exited)
	// one that has left the group may hold the pipes open
	_ = s.out.SetReadDeadline(time.Now().Add(lastWords))
	if errR.SetReadDeadline(time.Now().Add(hungOn)) != nil {
		_ = errR.Close()
	}
	<-read
	_ = errR.Close()
	close(s.done)
}

// end ends the program when it is to.
func (s *stream) end() {
	select {
	case <-s.exited:
		return
	case <-s.quit:
	}
	s.signal(endGroup)
	t := time.NewTimer(s.p.o.Grace)
	defer t.Stop()
	select {
	case <-s.exited:
	case <-t.C:
		s.signal(killGroup)
	}
}

func (s *stream) signal(send func(*os.Process)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.gone {
		send(s.cmd.Process)
	}
}

// stop makes Next return and the program end, without waiting for it.
func (s *stream) stop() {
	s.once.Do(func() {
		close(s.quit)
		_ = s.out.Close()
	})
}

func (s *stream) Close() error {
	s.unwatch()
	s.stop()
	t := time.NewTimer(s.p.o.Grace + giveUp)
	defer t.Stop()
	select {
	case <-s.done:
		return nil
	case <-t.C:
		return fmt.Errorf("camera program %s does not end", filepath.Base(s.cmd.Path))
	}
}

// Next is the next picture. When there is none any more it says how the program ended.
func (s *stream) Next() ([]byte, error) {
	jpeg, err := s.in.Next()
	if err == nil {
		return jpeg, nil
	}
	e := edge.AsError(err)
	why, _ := e.Args["why"].(string)
	name := filepath.Base(s.cmd.Path)
	var what string
	switch source.Why(why) {
	case source.Ended, source.Gone:
		what = name + " ended its output"
		s.last()
		select {
		case <-s.exited:
			what, why = fmt.Sprintf("%s ended (%v)", name, s.cmd.ProcessState), string(source.Ended)
		default:
		}
	case source.Stalled:
		what = name + " gives nothing"
	default:
		s.stop()
		return nil, err
	}
	s.stop()
	lines := s.tail.lines()
	if n := len(lines); n > 0 {
		what += ": " + lines[n-1]
	}
	hint := ""
	if s.p.o.Explain != nil {
		if found, h := s.p.o.Explain(lines); found != "" {
			why, hint = string(found), h
		}
	}
	e = source.Lost(source.Why(why), "%s", what)
	if hint != "" {
		e = e.WithHint("%s", hint)
	}
	return nil, e
}

// last waits a little for the program's end and its last words.
func (s *stream) last() {
	t := time.NewTimer(lastWords)
	defer t.Stop()
	select {
	case <-s.done:
	case <-s.quit:
	case <-t.C:
	}
}
