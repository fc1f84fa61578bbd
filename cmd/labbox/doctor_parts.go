package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/url"
	"os"
	"runtime"
	"strings"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"labbox/bridge/rabbitbus"
	"labbox/edge"
)

// checkBroker signs in at the broker of --broker.
func (d *doctor) checkBroker(ctx context.Context, f *verdicts) {
	if d.backends.broker == "" {
		f.ok("broker", "embedded")
		return
	}
	if !checkSecret(f, "broker", d.backends.brokerPassword) {
		return
	}
	detail, err := d.broker(ctx, &d.backends)
	if err != nil {
		f.failed("broker", err, "is the broker running, and is --broker right?")
		return
	}
	f.ok("broker", "%s", detail)
}

// checkStore asks the store of --kv whether it is fit.
func (d *doctor) checkStore(ctx context.Context, f *verdicts) {
	if d.backends.kv == "" {
		f.ok("store", "embedded")
		return
	}
	if !checkSecret(f, "store", d.backends.kvPassword) {
		return
	}
	detail, warnings, err := d.store(ctx, &d.backends)
	for _, w := range warnings {
		f.warn("store", w.Hint, "%s", w.Message)
	}
	if err != nil {
		f.failed("store", err, "is the store running, and is --kv right?")
		return
	}
	f.ok("store", "%s", detail)
}

// checkSecret looks at a password file, never at its content.
func checkSecret(f *verdicts, what, file string) bool {
	if file == "" {
		return true
	}
	h, err := os.Open(file)
	if err != nil {
		f.fail(what, "give the file to the user who runs labbox, readable by nobody else", "password file: %v", err)
		return false
	}
	defer h.Close()
	info, err := h.Stat()
	switch {
	case err != nil || !info.Mode().IsRegular():
		f.fail(what, "the file holds the password and nothing else", "password file %s is no file", file)
		return false
	case info.Size() == 0:
		f.fail(what, "the file holds the password and nothing else", "password file %s is empty", file)
		return false
	case runtime.GOOS != "windows" && info.Mode().Perm()&fs.FileMode(0o007) != 0:
		f.warn(what, "chmod 600 "+file, "password file %s may be read by every user", file)
	}
	return true
}

// hostOf is what of a URL may be shown.
func hostOf(raw string) string {
	u, err := url.Parse(raw)
	if err != nil || u.Host == "" {
		return "the given address"
	}
	return u.Host
}

// probeBroker connects as labbox does, sends a message to nobody and waits for
// what the broker says to that: one with an alarm blocks who publishes.
func probeBroker(ctx context.Context, f *backendFlags) (string, error) {
	bus, err := f.openBroker(ctx, nil, "labbox doctor", nil)
	if err != nil {
		return "", err
	}
	defer bus.Close()
	if err := settled(ctx, bus); err != nil {
		return "", err
	}
	_ = bus.Publish(ctx, edge.Subject("doctor", edge.OwnerName, edge.KindTick), nil)
	wait := time.NewTimer(300 * time.Millisecond)
	defer wait.Stop()
	select {
	case <-wait.C:
	case <-ctx.Done():
	}
	if err := bus.Health(); err != nil {
		return "", err
	}
	return fmt.Sprintf("%s: signed in%s, takes messages", hostOf(f.broker), brokerVersion(f)), nil
}

// settled waits until the connection stands, or it is known why not.
func settled(ctx context.Context, bus *rabbitbus.Bus) error {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		err := bus.Health()
		var e *edge.Error
		if err == nil || errors.As(err, &e) && e.Args["reason"] != "connecting" {
			return err
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return err
		}
	}
}

// brokerVersion is what the broker calls itself, "" where it does not say.
func brokerVersion(f *backendFlags) string {
	u, err := url.Parse(f.broker)
	if err != nil {
		return ""
	}
	user := u.User.Username()
	password, _ := u.User.Password()
	if f.brokerPassword != "" {
		b, err := os.ReadFile(f.brokerPassword)
		if err != nil {
			return ""
		}
		password = strings.TrimRight(string(b), "\r\n")
	}
	cfg := amqp.Config{Heartbeat: 10 * time.Second, Dial: func(network, addr string) (net.Conn, error) {
		c, err := net.DialTimeout(network, addr, 2*time.Second)
		if err == nil {
			err = c.SetDeadline(time.Now().Add(3 * time.Second))
		}
		return c, err
	}}
	if user != "" {
		cfg.SASL = []amqp.Authentication{&amqp.PlainAuth{Username: user, Password: password}}
	}
	if f.brokerCA != "" {
		pem, err := os.ReadFile(f.brokerCA)
		if err != nil {
			return ""
		}
		pool := x509.NewCertPool()
		pool.AppendCertsFromPEM(pem)
		cfg.TLSClientConfig = &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}
	}
	conn, err := amqp.DialConfig(f.broker, cfg)
	if err != nil {
		return ""
	}
	defer conn.Close()
	product, _ := conn.Properties["product"].(string)
	v, _ := conn.Properties["version"].(string)
	if product == "" {
		return ""
	}
	return " to " + product + " " + v
}

// probeStore asks a store as /readyz does.
func probeStore(ctx context.Context, f *backendFlags) (string, []edge.Error, error) {
	kv, err := f.openStore()
	if err != nil {
		return "", nil, err
	}
	defer kv.Close()
	if err := kv.Health(ctx); err != nil {
		return "", nil, err
	}
	return hostOf(f.kv) + ": signed in, answers and takes writes", kv.Warnings(ctx), nil
}
