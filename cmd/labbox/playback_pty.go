package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"labbox/devices"
	"labbox/devices/capture"
	"labbox/devices/transport"
	"labbox/devices/transport/pty"
)

// standInWait is how long a stand-in waits for a message that was recorded as sent,
// beyond the time that it took then.
const standInWait = 2 * time.Second

// standIn plays the device's part of a capture on a pty, once a program has opened
// it. It waits for what was sent then, so that questions get their answers.
func standIn(ctx context.Context, s streams, r *capture.Reader, link string, speed float64) error {
	if speed == 0 {
		speed = 1
	}
	opened := make(chan struct{}, 1)
	port, err := pty.Open(pty.Options{Link: link, Opened: func(open bool) {
		if open {
			select {
			case opened <- struct{}{}:
			default:
			}
		}
	}})
	if err != nil {
		return err
	}
	defer port.Close()
	stop := context.AfterFunc(ctx, func() { _ = port.Close() })
	defer stop()
	got := make(chan []byte, 64)
	go func() {
		defer close(got)
		buf := make([]byte, 4096)
		for {
			n, _, err := port.Receive(buf)
			if err != nil {
				return
			}
			select {
			case got <- bytes.Clone(buf[:n]):
			case <-ctx.Done():
				return
			}
		}
	}()
	fmt.Fprintf(s.out, "%s on %s\n", nameOf(r), link)
	select {
	case <-opened:
	case <-ctx.Done():
		return nil
	}
	p := &understudy{s: s, port: port, got: got, speed: speed, due: time.Now()}
	if err := p.learn(r); err != nil {
		return err
	}
	for len(p.part) > 0 && ctx.Err() == nil {
		c := p.part[0]
		p.part = p.part[1:]
		if err := p.play(ctx, &c); err != nil && ctx.Err() == nil {
			return err
		}
	}
	return nil
}

// learn reads the whole capture.
func (p *understudy) learn(r *capture.Reader) error {
	for {
		c, err := r.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		c.Data = bytes.Clone(c.Data)
		p.part = append(p.part, c)
	}
}

func nameOf(r *capture.Reader) string {
	if n := r.Header().Type; n != "" {
		return n
	}
	return "a device"
}

// understudy keeps to the recorded times, counted from what came last.
type understudy struct {
	s     streams
	port  transport.Port
	got   chan []byte
	part  []capture.Chunk // what is still to be played
	rest  []byte          // received and not looked at
	speed float64
	last  time.Duration // of the chunk before
	due   time.Time     // when that was played
	told  int
}

func (p *understudy) play(ctx context.Context, c *capture.Chunk) error {
	gap := time.Duration(float64(c.At-p.last) / p.speed)
	p.last = c.At
	if !c.Sent {
		p.due = p.due.Add(gap)
		pause(ctx, time.Until(p.due))
		return p.port.Send(c.Data, c.Kind)
	}
	end := time.NewTimer(time.Until(p.due.Add(gap)) + standInWait)
	defer end.Stop()
	for !bytes.HasPrefix(p.rest, c.Data) {
		if early, err := p.other(ctx); early || err != nil {
			if err != nil {
				return err
			}
			continue
		}
		if len(p.rest) >= len(c.Data) {
			p.tell("recorded %s, received %s", c.Data, p.rest[:len(c.Data)])
			break
		}
		select {
		case b, ok := <-p.got:
			if !ok {
				return transport.ErrClosed
			}
			p.rest = append(p.rest, b...)
			continue
		case <-end.C:
			p.tell("recorded %s, received %s", c.Data, p.rest)
		case <-ctx.Done():
		}
		break
	}
	p.rest = p.rest[min(len(p.rest), len(c.Data)):]
	p.due = time.Now()
	return nil
}

// other answers a question that was recorded later than the one that is due:
// questions with periods of their own do not keep their order.
func (p *understudy) other(ctx context.Context) (bool, error) {
	for i := range p.part {
		q := &p.part[i]
		if !q.Sent || !bytes.HasPrefix(p.rest, q.Data) {
			continue
		}
		p.rest = p.rest[len(q.Data):]
		n := i + 1
		for n < len(p.part) && !p.part[n].Sent {
			pause(ctx, time.Duration(float64(p.part[n].At-p.part[n-1].At)/p.speed))
			if err := p.port.Send(p.part[n].Data, p.part[n].Kind); err != nil {
				return false, err
			}
			n++
		}
		p.part = append(p.part[:i], p.part[n:]...)
		return true, nil
	}
	return false, nil
}

// tell says what is sent otherwise than it was, a few times.
func (p *understudy) tell(format string, want, got []byte) {
	if p.told++; p.told <= 10 {
		fmt.Fprintf(p.s.err, "note: "+format+"\n", devices.QuoteBytes(want), devices.QuoteBytes(got))
	}
}
