package rabbitbus

import (
	"sync/atomic"

	amqp "github.com/rabbitmq/amqp091-go"
)

// lane is one AMQP channel with a goroutine that writes to it, so that no caller
// waits on a socket. What is in it when its session ends is dropped.
type lane struct {
	s       *session
	ch      *amqp.Channel
	out     chan *parcel
	confirm bool
	bytes   atomic.Int64 // in out
}

// laneBytes bounds what waits for the socket. One message may be larger where
// nothing else waits.
const laneBytes = 64 << 20

// parcel is one message on its way out.
type parcel struct {
	exchange, key string
	mandatory     bool
	msg           amqp.Publishing

	state atomic.Int32
	// written is closed when the message was handed to the socket, or was not
	// (err); nil where nobody asks.
	written chan struct{}
	err     error
	dc      *amqp.DeferredConfirmation
}

// States of a parcel. Until it is taken it was certainly not sent.
const (
	parcelWaits = iota
	parcelTaken
	parcelRecalled
)

// recall reports whether the parcel was taken back before it was sent.
func (p *parcel) recall() bool { return p.state.CompareAndSwap(parcelWaits, parcelRecalled) }

// lane opens a channel with a writer; prepare may be nil.
func (s *session) lane(size int, confirm bool, prepare func(*amqp.Channel) error) (*lane, error) {
	ch, err := s.conn.Channel()
	if err != nil {
		return nil, err
	}
	s.guard(ch)
	if confirm {
		if err := ch.Confirm(false); err != nil {
			return nil, err
		}
	}
	if prepare != nil {
		if err := prepare(ch); err != nil {
			return nil, err
		}
	}
	l := &lane{s: s, ch: ch, out: make(chan *parcel, size), confirm: confirm}
	s.wg.Go(l.run)
	return l, nil
}

func (l *lane) run() {
	for {
		select {
		case <-l.s.dead:
			return
		case p := <-l.out:
			l.bytes.Add(-int64(len(p.msg.Body)))
			if p.exchange == liveExchange && l.s.refusal() != nil {
				continue // the broker reads no more, and nobody waits for this
			}
			if !p.state.CompareAndSwap(parcelWaits, parcelTaken) {
				continue
			}
			if l.confirm {
				p.dc, p.err = l.ch.PublishWithDeferredConfirm(p.exchange, p.key, p.mandatory, false, p.msg)
			} else {
				p.err = l.ch.Publish(p.exchange, p.key, p.mandatory, false, p.msg)
			}
			if p.written != nil {
				close(p.written)
			}
			if p.err != nil {
				l.s.fail(p.err)
				return
			}
		}
	}
}

// offer hands p over without waiting, and says if there was room.
func (l *lane) offer(p *parcel) bool {
	n := int64(len(p.msg.Body))
	if total := l.bytes.Add(n); total <= laneBytes || total == n {
		select {
		case l.out <- p:
			return true
		default:
		}
	}
	l.bytes.Add(-n)
	return false
}
