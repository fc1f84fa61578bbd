package rabbitbus

import (
	"context"
	"errors"
	"net"
	"os"
	"strings"
	"syscall"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"labbox/edge"
)

func errClosed() error { return edge.Errorf(edge.CodeBusDown, "rabbitbus: bus is closed") }

// Health implements edge.Bus. It names the reason and since when.
func (b *Bus) Health() error {
	if b.subs.Closed() {
		return errClosed()
	}
	for _, l := range []*link{b.pub, b.con} {
		if err := l.health(); err != nil {
			return err
		}
	}
	return nil
}

// Reconnects counts how often the broker was found again.
func (b *Bus) Reconnects() uint64 {
	b.pub.mu.Lock()
	defer b.pub.mu.Unlock()
	return max(b.pub.times, 1) - 1
}

// illness is why a link does not work.
type illness struct {
	since time.Time
	err   *edge.Error
}

func (i *illness) report() error {
	return i.err.With("since", i.since.UTC().Format(time.RFC3339))
}

func downBecause(reason string) *edge.Error {
	return edge.Errorf(edge.CodeBusDown, "rabbitbus: broker not reachable: %s", reason).With("reason", reason)
}

// diagnose turns an error of the client library into what a person can use. The
// library's texts hold no password, but they are not passed on either where
// something clearer can be said. refused: the broker answered and said no.
func diagnose(t *target, err error) (e *edge.Error, refused bool) {
	var own *edge.Error
	if errors.As(err, &own) {
		return downBecause(own.Message).WithHint("%s", own.Hint), true
	}
	var a *amqp.Error
	if errors.As(err, &a) {
		return diagnoseReply(t, a)
	}
	var dns *net.DNSError
	switch {
	case errors.As(err, &dns):
		return downBecause("no such host").WithHint("check the host in --broker: %s", t.addr), false
	case errors.Is(err, syscall.ECONNREFUSED):
		return downBecause("nobody listens at " + t.addr).WithHint("is RabbitMQ running, and is the port right?"), false
	case errors.Is(err, os.ErrDeadlineExceeded), errors.Is(err, context.DeadlineExceeded):
		return downBecause("no answer from " + t.addr).WithHint("the broker or the network to it hangs"), false
	case strings.Contains(err.Error(), "x509:"), strings.Contains(err.Error(), "tls:"):
		return downBecause("TLS: " + err.Error()).WithHint("check the CA file, the certificates and the server's name"), true
	}
	return downBecause(err.Error()).WithHint("see the broker's log"), false
}

// diagnoseReply reads a reply code of AMQP 0-9-1.
func diagnoseReply(t *target, a *amqp.Error) (e *edge.Error, refused bool) {
	switch {
	case !a.Server && strings.Contains(a.Reason, "timeout"): // the library's own, of the socket
		return downBecause("no answer from " + t.addr).WithHint("the broker or the network to it hangs"), false
	case a.Code == amqp.FrameError && !a.Server, a == amqp.ErrClosed:
		return downBecause("connection lost").WithHint("the broker or the network to it went away"), false
	case a == amqp.ErrCredentials, a.Code == amqp.AccessRefused && !strings.Contains(a.Reason, "access to "):
		// RabbitMQ just hangs up, as it also does when it is stopped at this moment.
		return downBecause("user " + t.user + " was refused").
			WithHint("check user and password, and that the user exists on the broker"), true
	case a == amqp.ErrVhost, a.Code == amqp.NotAllowed && strings.Contains(a.Reason, "vhost"):
		return downBecause("vhost " + t.vhost + " does not exist or is not for user " + t.user).
			WithHint("rabbitmqctl add_vhost and set_permissions, or another vhost in --broker"), true
	case a.Code == amqp.AccessRefused:
		return downBecause("user " + t.user + " lacks a permission: " + a.Reason).
			WithHint("the user needs configure, write and read on ^labbox\\. and write on ^amq\\.default$"), true
	case a.Code == amqp.PreconditionFailed:
		return downBecause("something on the broker is declared otherwise: " + a.Reason).
			WithHint("names that begin with labbox. belong to labbox: use a vhost of its own"), true
	case a.Code == amqp.ConnectionForced:
		return downBecause("the broker closed the connection: " + a.Reason).WithHint("it stops, or an operator did so"), false
	}
	return downBecause(a.Reason).WithHint("see the broker's log"), false
}

func blockedBecause(reason string) *edge.Error {
	return edge.Errorf(edge.CodeBusDown, "rabbitbus: broker takes no messages: %s", reason).
		WithHint("the broker is short of memory or disk: free some, or raise its limits").With("reason", reason)
}
