package tcp_test

import (
	"bufio"
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
	"golang.org/x/sys/unix"

	"labbox/devices/transport"
	"labbox/devices/transport/tcp"
	"labbox/devices/transport/transporttest"
	"labbox/edge"
)

func TestMain(m *testing.M) {
	if how := os.Getenv("TCP_TEST_PEER"); how != "" {
		peer(how)
		return
	}
	goleak.VerifyTestMain(m)
}

func TestSuite(t *testing.T) {
	transporttest.Run(t, func(t *testing.T) transporttest.Line {
		p, device := pair(t, patient)
		return transporttest.Line{Box: p, Device: device, Unplug: func() { device.Close() }}
	})
}

// A device that takes nothing: one message is in the kernel, the next waits
// outside, goes away when discarded, and the safe one comes right behind.
func TestOneMessageInTheKernel(t *testing.T) {
	p, device := pair(t, patient)
	const size = 8192
	stuck := make(chan error, 1)
	sent := make(chan int, 1000)
	go func() {
		for i := 0; ; i++ {
			b := make([]byte, size)
			b[0] = 1
			if err := p.Send(b, transport.Stream); err != nil {
				stuck <- err
				close(sent)
				return
			}
			sent <- i
		}
	}()
	for last := time.Now(); time.Since(last) < 300*time.Millisecond; {
		select {
		case <-sent:
			last = time.Now()
		case <-time.After(10 * time.Millisecond):
		}
	}
	if n := p.Pending(); n <= 0 || n > size {
		t.Errorf("%d bytes are in the kernel, want at most one message of %d", n, size)
	}
	if err := p.DiscardOutput(); err != nil {
		t.Fatal(err)
	}
	if err := <-stuck; !errors.Is(err, transport.ErrDiscarded) {
		t.Fatalf("the stuck message: %v", err)
	}
	transporttest.Within(t, "the safe message", func() {
		if err := p.Send([]byte("\nstop\n"), transport.Stream); err != nil {
			t.Error(err)
		}
	})
	var got []byte
	for buf := make([]byte, 64<<10); !bytes.HasSuffix(got, []byte("\nstop\n")); {
		n, err := device.c.Read(buf)
		if err != nil {
			t.Fatalf("after %d bytes: %v", len(got), err)
		}
		got = append(got, buf[:n]...)
	}
	if len(got)%size != 6 {
		t.Errorf("the device got %d bytes: a part of the discarded message among them", len(got))
	}
}

// What a part of is out cannot be taken back, and its other half must not be
// another message.
func TestHalfAMessageCostsTheLine(t *testing.T) {
	p, device := pair(t, patient)
	done := make(chan error, 1)
	go func() { done <- p.Send(make([]byte, 64<<20), transport.Stream) }()
	for p.Pending() <= 0 {
		time.Sleep(time.Millisecond)
	}
	time.Sleep(100 * time.Millisecond)
	if err := p.DiscardOutput(); err != nil {
		t.Fatal(err)
	}
	select {
	case err := <-done:
		wantLost(t, err, "half a message")
	case <-time.After(10 * time.Second):
		t.Fatal("send did not return")
	}
	wantLost(t, p.Send([]byte("stop\n"), transport.Stream), "")
	if n, err := io.Copy(io.Discard, device.c); !errors.Is(err, unix.ECONNRESET) {
		t.Errorf("the device got %d bytes and %v, want a reset", n, err)
	}
}

// A device that answers probes and takes nothing is dead too.
func TestNeverReads(t *testing.T) {
	p, _ := pair(t, func(o *tcp.Options) { o.KeepAlive, o.DeadAfter = 200*time.Millisecond, time.Second })
	start := time.Now()
	var err error
	transporttest.Within(t, "Send", func() {
		for err == nil {
			err = p.Send(make([]byte, 8192), transport.Stream)
		}
	})
	wantLost(t, err, "does not answer")
	if d := time.Since(start); d < time.Second || d > 8*time.Second {
		t.Errorf("noticed after %v", d)
	}
}

// A machine that answers nothing, not even that it refuses.
func TestBlackHole(t *testing.T) {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	if err := errors.Join(unix.Bind(fd, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}), unix.Listen(fd, 0)); err != nil {
		t.Fatal(err)
	}
	sa, err := unix.Getsockname(fd)
	if err != nil {
		t.Fatal(err)
	}
	op := opener(t, fmt.Sprintf("127.0.0.1:%d", sa.(*unix.SockaddrInet4).Port), func(o *tcp.Options) { o.DialTimeout = 300 * time.Millisecond })
	for range 10 { // until its queue is full
		start := time.Now()
		p, err := op.Open(t.Context())
		if err == nil {
			defer p.Close()
			continue
		}
		if e := edge.AsError(err); e.Code != edge.CodePortMissing || !strings.Contains(e.Hint, "does not answer") || time.Since(start) > 5*time.Second {
			t.Errorf("after %v: %+v", time.Since(start), e)
		}
		return
	}
	t.Error("everybody was let in")
}

// A device that lost its memory of the connection (power cut, no goodbye): the
// next probe finds out.
func TestHalfOpen(t *testing.T) {
	p, device := pair(t, func(o *tcp.Options) { o.KeepAlive = time.Second })
	raw, err := device.c.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	raw.Control(func(fd uintptr) { err = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_REPAIR, 1) })
	if err != nil {
		t.Skipf("forgetting a connection needs CAP_NET_ADMIN: %v", err)
	}
	device.Close() // in silence
	start := time.Now()
	transporttest.Within(t, "Receive", func() {
		_, _, err := p.Receive(make([]byte, 8))
		wantLost(t, err, "")
	})
	t.Logf("noticed after %v", time.Since(start).Round(time.Millisecond))
}

// peer is the instrument as a process of its own.
func peer(how string) {
	ln, err := net.Listen("tcp", cmp.Or(os.Getenv("TCP_TEST_ADDR"), "127.0.0.1:0"))
	if err != nil {
		panic(err)
	}
	fmt.Println(ln.Addr())
	for {
		c, err := ln.Accept()
		if err != nil {
			return
		}
		go func() {
			if how == "mute" {
				select {}
			}
			io.Copy(c, c)
		}()
	}
}

func startPeer(t *testing.T, how string) (addr string, kill func()) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "TCP_TEST_PEER="+how)
	addr = startCommand(t, cmd)
	return addr, func() { cmd.Process.Kill(); cmd.Wait() }
}

// startCommand starts a peer and returns the address it prints.
func startCommand(t *testing.T, cmd *exec.Cmd) string {
	t.Helper()
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(line)
}

// kill -9 of the device's process, while it talks and while it is stuck; then it
// is reached again at once.
func TestPeerKilled(t *testing.T) {
	for _, how := range []string{"echo", "mute"} {
		t.Run(how, func(t *testing.T) {
			addr, kill := startPeer(t, how)
			p, err := opener(t, addr, patient).Open(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			defer p.Close()
			received := make(chan error, 1)
			go func() {
				for buf := make([]byte, 4096); ; {
					if _, _, err := p.Receive(buf); err != nil {
						received <- err
						return
					}
				}
			}()
			sent := make(chan error, 1)
			go func() {
				for {
					if err := p.Send(make([]byte, 8192), transport.Stream); err != nil {
						sent <- err
						return
					}
				}
			}()
			time.Sleep(200 * time.Millisecond)
			kill()
			for name, ch := range map[string]chan error{"receive": received, "send": sent} {
				select {
				case err := <-ch:
					wantLost(t, err, "")
				case <-time.After(10 * time.Second):
					t.Fatalf("%s did not return", name)
				}
			}
			_, err = opener(t, addr, nil).Open(t.Context())
			if edge.CodeOf(err) != edge.CodePortMissing {
				t.Errorf("the dead peer's port: %v", err)
			}
		})
	}
}
