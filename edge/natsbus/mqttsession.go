package natsbus

import (
	"io"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nuid"

	"labbox/edge"
)

// What a session's queue may hold: above the first it slows the device down,
// above the second (messages that were on their way) it drops.
const (
	mqttSlow = 256 << 10
	mqttMost = 4 << 20
)

// each message counts this much more than its bytes.
const mqttOverhead = 64

// MQTTSession is a device's connection.
type MQTTSession struct {
	m      *MQTT
	dev    *mqttDevice
	door   *mqttDoor
	id     string
	remote string
	done   chan struct{} // closed when it is over

	mu      sync.Mutex
	queue   [][]byte
	size    int
	dropped bool
	over    bool
	wake    chan struct{} // capacity 1

	sent   int       // bytes of the last message
	sentAt time.Time // and when
	before int64     // what the door had carried then
}

func newMQTTSession(m *MQTT, dev *mqttDevice, door *mqttDoor) *MQTTSession {
	return &MQTTSession{m: m, dev: dev, door: door, id: nuid.Next(), remote: door.remote, done: make(chan struct{}), wake: make(chan struct{}, 1)}
}

// farewell has the session finished behind its last message.
func (m *MQTT) farewell(s *MQTTSession) {
	s.door.over.Store(true)
	late := time.AfterFunc(time.Second, func() { m.finish(s) })
	err := s.dev.nc.PublishMsg(&nats.Msg{Subject: s.dev.out, Header: nats.Header{mqttEnded: {s.id}}})
	if err == nil {
		err = s.dev.nc.FlushTimeout(time.Second)
	}
	if err != nil {
		late.Stop()
		m.finish(s)
	}
}

// finish makes room for the device's next session.
func (m *MQTT) finish(s *MQTTSession) {
	m.mu.Lock()
	if s.dev.session == s {
		s.dev.session = nil
	}
	m.mu.Unlock()
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.over {
		s.over = true
		close(s.done)
	}
}

func (s *MQTTSession) push(b []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.over || len(b) == 0 { // an empty message says nothing
		return
	}
	if s.size > mqttMost {
		s.dropped = true
		return
	}
	s.queue = append(s.queue, b)
	s.size += len(b) + mqttOverhead
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

func (s *MQTTSession) full() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.size > mqttSlow && !s.over
}

// Receive returns the device's next message, nil where some had to be dropped,
// and, once the session is over and everything was received, why it ended. One
// goroutine calls it.
func (s *MQTTSession) Receive() ([]byte, error) {
	for {
		s.mu.Lock()
		over := s.over
		if len(s.queue) > 0 {
			b := s.queue[0]
			s.queue[0] = nil
			s.queue = s.queue[1:]
			s.size -= len(b) + mqttOverhead
			s.mu.Unlock()
			return b, nil
		}
		if s.dropped {
			s.dropped = false
			s.mu.Unlock()
			return nil, nil
		}
		s.mu.Unlock()
		if over {
			if why := s.Err(); why != nil {
				return nil, why
			}
			return nil, io.EOF
		}
		select {
		case <-s.wake:
		case <-s.done:
		}
	}
}

// Err says why the session ended.
func (s *MQTTSession) Err() error {
	if why := s.door.why.Load(); why != nil {
		return *why
	}
	return nil
}

// Done is closed when the session is over.
func (s *MQTTSession) Done() <-chan struct{} { return s.done }

// Remote is the device's address.
func (s *MQTTSession) Remote() string { return s.remote }

// Subscribed says that somebody takes what Publish sends.
func (s *MQTTSession) Subscribed() bool { return s.dev.acc.Interest(s.dev.in) > 0 }

// Publish sends one message: at most once, never kept for anybody who is not
// there now.
func (s *MQTTSession) Publish(b []byte) error {
	if s.door.over.Load() {
		return edge.Errorf(edge.CodePortLost, "mqtt: the session of %s is over", s.dev.ID)
	}
	s.mu.Lock()
	s.before, s.sent, s.sentAt = s.door.down.Load(), len(b), time.Now()
	s.mu.Unlock()
	if err := s.dev.nc.Publish(s.dev.in, b); err != nil {
		return down(err)
	}
	return down(s.dev.nc.FlushTimeout(time.Second))
}

// relayTime is how long a message may take from Publish to the device's door.
// After that nobody has subscribed it.
const relayTime = 20 * time.Millisecond

// Pending is about how many bytes have not been acknowledged by the device's
// machine, -1 where the system does not tell.
func (s *MQTTSession) Pending() int {
	if s.door.over.Load() {
		return 0
	}
	n := mqttQueued(s.door.tcp, s.door.in)
	if n < 0 {
		return -1
	}
	n += int(s.door.held.Load())
	s.mu.Lock()
	defer s.mu.Unlock()
	if n == 0 && s.door.down.Load() == s.before && time.Since(s.sentAt) < relayTime {
		return s.sent
	}
	return n
}

// End breaks the session off and drops what has not left for the device.
func (s *MQTTSession) End(why error) {
	if s.Pending() > 0 {
		_ = s.door.tcp.SetLinger(0)
	}
	s.door.end(why)
}
