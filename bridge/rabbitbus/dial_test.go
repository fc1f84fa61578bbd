//go:build linux

package rabbitbus

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"labbox/bridge/rabbitbus/rabbittest"
	"labbox/edge"
)

// ill waits until b's health gives a reason that contains text, and returns it.
func ill(t *testing.T, b *Bus, text string) *edge.Error {
	t.Helper()
	var e *edge.Error
	until(t, "health that says "+text, func() bool {
		e = edge.AsError(b.Health())
		return e != nil && strings.Contains(e.Message, text)
	})
	if e.Code != edge.CodeBusDown || e.Hint == "" || e.Args["since"] == nil || e.Args["reason"] == nil {
		t.Fatalf("health is %+v", e)
	}
	if strings.Contains(e.Message+e.Hint, rabbittest.Password) {
		t.Fatalf("the password is shown: %+v", e)
	}
	return e
}

// a wrong password is said clearly and once, and a right one in the file is
// enough to go on.
func TestWrongPassword(t *testing.T) {
	srv := sharedServer(t)
	file := filepath.Join(t.TempDir(), "password")
	must(t, os.WriteFile(file, []byte("wrong-password\n"), 0o600))
	var log logs
	b := open(t, Config{URL: srv.URL(), PasswordFile: file, Logger: log.logger()})
	ill(t, b, "user "+rabbittest.User+" was refused")
	wantCode(t, b.Publish(t.Context(), "a.b", nil), edge.CodeBusDown)
	until(t, "another try", func() bool {
		b.pub.mu.Lock()
		defer b.pub.mu.Unlock()
		return b.pub.noes >= 2
	})
	if n := log.count("was refused"); n != 2 { // once for each connection
		t.Errorf("logged %d times", n)
	}
	if log.count(rabbittest.Password)+log.count("wrong-password") > 0 {
		t.Error("a password is in the log")
	}
	must(t, os.WriteFile(file, []byte(rabbittest.Password+"\n"), 0o600))
	until(t, "the right password to be read", func() bool { return b.Health() == nil })
}

func TestWrongVHost(t *testing.T) {
	srv := sharedServer(t)
	var log logs
	b := open(t, Config{URL: strings.TrimSuffix(srv.URL(), rabbittest.VHost) + "nowhere", Logger: log.logger()})
	e := ill(t, b, "vhost nowhere does not exist")
	if !strings.Contains(e.Hint, "add_vhost") {
		t.Errorf("hint %q", e.Hint)
	}
}

// Open does not wait for a broker, and what was asked for before it came works
// once it is there.
func TestBrokerAbsent(t *testing.T) {
	srv := sharedServer(t)
	before := goleak.IgnoreCurrent()
	t.Run("use", func(t *testing.T) {
		p, url := behind(t, srv)
		p.Cut()
		start := time.Now()
		b := open(t, Config{URL: url})
		got := make(chan string, 10)
		_, err := b.Subscribe("absent.*", func(m edge.Msg) { got <- string(m.Data) })
		must(t, err)
		_, err = b.Serve("absent.do", func(context.Context, edge.Msg) ([]byte, error) { return []byte("served"), nil })
		must(t, err)
		wantCode(t, b.Publish(t.Context(), "absent.x", []byte("local")), edge.CodeBusDown)
		wantCode(t, b.Enqueue(soon(t, time.Second), "q", "1", nil), edge.CodeBusDown)
		wantCode(t, b.Declare(soon(t, time.Second), edge.Queue{Name: "q", MaxTries: 1, AckWait: 1, MaxBytes: 1 << 20}), edge.CodeBusDown)
		_, err = b.Request(soon(t, time.Second), "absent.other", nil)
		wantCode(t, err, edge.CodeBusDown)
		if d := time.Since(start); d > time.Second {
			t.Errorf("that took %v without a broker", d)
		}
		if g := <-got; g != "local" { // subscribers here hear their own process
			t.Errorf("got %q", g)
		}
		if a, err := b.Request(soon(t, 5*time.Second), "absent.do", nil); err != nil || string(a) != "served" {
			t.Errorf("a request within the process: %q, %v", a, err)
		}
		ill(t, b, "nobody listens")

		must(t, p.Restore())
		until(t, "the connection", func() bool { return b.Health() == nil })
		other := newBus(t, Config{URL: srv.URL()})
		must(t, other.Publish(t.Context(), "absent.y", []byte("remote")))
		if g := <-got; g != "remote" {
			t.Errorf("got %q", g)
		}
		if a, err := other.Request(soon(t, 5*time.Second), "absent.do", nil); err != nil || string(a) != "served" {
			t.Errorf("a request from elsewhere: %q, %v", a, err)
		}
		must(t, other.Close())
		p.Cut()
		until(t, "the loss to be seen", func() bool { return b.Health() != nil })
		must(t, b.Close()) // without a broker
	})
	if err := goleak.Find(before); err != nil {
		t.Error(err)
	}
}

func TestTLS(t *testing.T) {
	srv := sharedServer(t)
	ca, cert, key := srv.Certificates()
	b := newBus(t, Config{URL: srv.TLSURL() + "?cacertfile=" + ca + "&certfile=" + cert + "&keyfile=" + key})
	newQueue(t, b, nil)
	newBus(t, Config{URL: srv.TLSURL(), CAFile: ca, CertFile: cert, KeyFile: key})
	ill(t, open(t, Config{URL: srv.TLSURL(), CertFile: cert, KeyFile: key}), "TLS: ")
	ill(t, open(t, Config{URL: srv.TLSURL() + "?server_name_indication=elsewhere", CAFile: ca, CertFile: cert, KeyFile: key}), "TLS: ")
	ill(t, open(t, Config{URL: srv.TLSURL(), CAFile: ca}), "not reachable") // no client certificate
}

// the permissions that docs/ref/broker.md names are enough, and without them the
// reason is said.
func TestPermissions(t *testing.T) {
	srv := sharedServer(t)
	ctl := func(args ...string) {
		t.Helper()
		if _, err := srv.Ctl(args...); err != nil {
			t.Fatal(err)
		}
	}
	user := fmt.Sprint("box", time.Now().UnixNano())
	ctl("add_user", user, rabbittest.Password)
	ctl("set_permissions", "-p", rabbittest.VHost, user, "^$", "^$", "^$")
	url := strings.Replace(srv.URL(), rabbittest.User+":", user+":", 1)
	kv := memory(t)
	b := open(t, Config{URL: url, Memory: kv})
	ill(t, b, "lacks a permission")
	ctl("set_permissions", "-p", rabbittest.VHost, user, `^labbox\.`, `^(labbox\.|amq\.default$)`, `^labbox\.`)
	until(t, "the permission to be enough", func() bool { return b.Health() == nil })
	other := newBus(t, Config{URL: url, Memory: kv})
	got := make(chan struct{}, 1)
	_, err := b.Subscribe("perm.>", func(edge.Msg) { got <- struct{}{} })
	must(t, err)
	must(t, other.Publish(t.Context(), "perm.x", nil))
	<-got
	_, err = b.Serve("perm.do", func(context.Context, edge.Msg) ([]byte, error) { return nil, nil })
	must(t, err)
	_, err = other.Request(soon(t, 10*time.Second), "perm.do", nil)
	must(t, err)
	q := newQueue(t, b, nil)
	must(t, other.Enqueue(soon(t, 10*time.Second), q.Name, "1", nil))
	d := consume(t, b, q.Name)
	until(t, "the job", func() bool { return d.times("1") == 1 })
	_, err = b.Dead(soon(t, 10*time.Second), q.Name, 1)
	must(t, err)
	must(t, b.Health())
	must(t, other.Health())
}
