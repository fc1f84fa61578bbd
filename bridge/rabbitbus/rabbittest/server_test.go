//go:build linux

package rabbittest

import (
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
)

func TestServer(t *testing.T) {
	s, err := Launch()
	if err != nil {
		Missing(t, err)
	}
	defer s.Close()
	start := time.Now()
	if out, err := s.Ctl("list_vhosts"); err != nil || !strings.Contains(out, VHost) {
		t.Fatalf("%q, %v", out, err)
	}
	t.Logf("rabbitmqctl took %v", time.Since(start))
	if err := declare(s); err != nil {
		t.Fatal(err)
	}
	s.Kill()
	if _, err := amqp.Dial(s.URL()); err == nil {
		t.Fatal("a killed server answers")
	}
	start = time.Now()
	if err := s.Restart(); err != nil {
		t.Fatal(err)
	}
	t.Logf("restart took %v", time.Since(start))
	if err := passive(s); err != nil {
		t.Fatalf("the queue did not survive: %v", err)
	}
	if err := s.Pause(); err != nil {
		t.Fatal(err)
	}
	if state(s.Pid()) != "T" {
		t.Fatalf("a paused node is in state %s", state(s.Pid()))
	}
	if err := s.Resume(); err != nil {
		t.Fatal(err)
	}
	if err := passive(s); err != nil {
		t.Fatal(err)
	}
	beam, epmd, guard, dir := s.Pid(), s.epmd.Process.Pid, s.guard.Process.Pid, s.dir
	s.Close()
	for _, pid := range []int{beam, epmd, guard} {
		if state(pid) != "" {
			t.Errorf("process %d is left behind", pid)
		}
	}
	if _, err := os.Stat(dir); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%s is left behind: %v", dir, err)
	}
}

func declare(s *Server) error {
	return withChannel(s, func(ch *amqp.Channel) error {
		_, err := ch.QueueDeclare("kept", true, false, false, false, nil)
		return err
	})
}

func passive(s *Server) error {
	return withChannel(s, func(ch *amqp.Channel) error {
		_, err := ch.QueueDeclarePassive("kept", true, false, false, false, nil)
		return err
	})
}

func withChannel(s *Server, fn func(*amqp.Channel) error) error {
	c, err := amqp.Dial(s.URL())
	if err != nil {
		return err
	}
	defer c.Close()
	ch, err := c.Channel()
	if err != nil {
		return err
	}
	return fn(ch)
}
