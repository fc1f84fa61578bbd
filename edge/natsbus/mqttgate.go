package natsbus

import (
	"crypto/sha256"
	"crypto/subtle"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"labbox/edge"
)

// mqttGate says who may come in. It is asked on the goroutine of the connection
// that wants to.
type mqttGate struct{ m *MQTT }

// Check implements server.Authentication.
func (g mqttGate) Check(c server.ClientAuthentication) bool {
	m, who := g.m, c.GetOpts()
	addr := c.RemoteAddress()
	if addr == nil {
		return false
	}
	m.mu.Lock()
	dev, door := m.devices[who.Username], m.doors[addr.String()]
	m.mu.Unlock()
	if door == nil { // the box itself, in process: nobody else gets here but by a door
		if dev == nil || addr.Network() != "pipe" || !same(who.Password, m.secret) {
			return false
		}
		c.RegisterUser(&server.User{Username: who.Username, Account: dev.acc})
		return true
	}
	if dev == nil {
		m.cfg.Refused(door.remote, edge.Errorf(edge.CodeForbidden, "mqtt: no device has the user name %q", clipped(who.Username)).
			WithHint("the user name is the device's id in the box file"))
		return false
	}
	if !same(who.Password, dev.Password) {
		dev.Refused(door.remote, edge.Errorf(edge.CodeForbidden, "mqtt: password of the device %s is not accepted", dev.ID).
			WithHint("set the content of the box file's token_file as the password in the firmware"))
		return false
	}
	s, free := m.place(dev, door)
	if !free {
		dev.Refused(door.remote, edge.Errorf(edge.CodePortBusy, "mqtt: a device is connected as %s already, from %s", dev.ID, s.remote).
			WithHint("switch the other one off, or give this one a device of its own"))
		return false
	}
	c.RegisterUser(&server.User{Username: dev.ID, Account: dev.acc, Permissions: &server.Permissions{
		Publish: &server.SubjectPermission{Allow: []string{dev.out}}, Subscribe: &server.SubjectPermission{Allow: []string{dev.in}}}})
	return true
}

// place makes a session for door, or returns the one that is there. One that is
// on its way out gets a moment to be gone: the device connects again at once.
func (m *MQTT) place(dev *mqttDevice, door *mqttDoor) (s *MQTTSession, free bool) {
	for end := time.Now().Add(time.Second); ; time.Sleep(time.Millisecond) {
		m.mu.Lock()
		if dev.session == nil && !m.closed && dev.nc != nil {
			s = newMQTTSession(m, dev, door)
			dev.session = s
			m.mu.Unlock()
			door.session.Store(s)
			if door.over.Load() { // ended meanwhile
				m.farewell(s)
			}
			return s, true
		}
		s = dev.session
		m.mu.Unlock()
		if s == nil || !s.door.over.Load() || time.Now().After(end) {
			break
		}
	}
	if s == nil {
		s = &MQTTSession{}
	}
	return s, false
}

// same compares without telling by its time where the difference is.
func same(a, b string) bool {
	x, y := sha256.Sum256([]byte(a)), sha256.Sum256([]byte(b))
	return subtle.ConstantTimeCompare(x[:], y[:]) == 1
}

func clipped(s string) string {
	if len(s) > 64 {
		return s[:64] + "..."
	}
	return s
}
