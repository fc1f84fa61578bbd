//go:build linux

package rabbittest

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
)

// Credentials of every Server.
const (
	User     = "lab"
	Password = "secret-of-the-test"
	VHost    = "lab"
)

// ErrMissing says that RabbitMQ is not installed.
var ErrMissing = errors.New("rabbittest: RabbitMQ is not installed (Debian package rabbitmq-server)")

const (
	bootWait = 60 * time.Second
	stopWait = 20 * time.Second
)

// Server is one RabbitMQ node. Its methods are for one goroutine at a time.
type Server struct {
	dir  string
	sbin string

	port, tlsPort, distPort, epmdPort int

	epmd, beam, guard *exec.Cmd
	guardPipe         io.Closer
}

// Start runs a server until the test ends. Without RabbitMQ it skips the test,
// or fails it where LABBOX_REQUIRE_PEERS is 1.
func Start(t testing.TB) *Server {
	t.Helper()
	s, err := Launch()
	if err != nil {
		Missing(t, err)
	}
	t.Cleanup(s.Close)
	return s
}

// Missing ends a test whose server did not start.
func Missing(t testing.TB, err error) {
	t.Helper()
	if errors.Is(err, ErrMissing) && os.Getenv("LABBOX_REQUIRE_PEERS") != "1" {
		t.Skip(err)
	}
	t.Fatal(err)
}

// Launch starts a server that runs until Close.
func Launch() (*Server, error) {
	found, _ := filepath.Glob("/usr/lib/rabbitmq/lib/rabbitmq_server-*/sbin")
	if len(found) == 0 {
		return nil, ErrMissing
	}
	// Not below the test's own directory: a socket or a name may not get too long.
	dir, err := os.MkdirTemp("", "rabbit")
	if err != nil {
		return nil, err
	}
	s := &Server{dir: dir, sbin: found[len(found)-1]}
	if err = s.prepare(); err == nil {
		err = s.start()
	}
	if err == nil {
		return s, nil
	}
	log := s.tail()
	s.Close()
	return nil, fmt.Errorf("rabbittest: the broker did not start: %w\n%s", err, log)
}

func (s *Server) prepare() error {
	ports, err := freePorts(4)
	if err != nil {
		return err
	}
	s.port, s.tlsPort, s.distPort, s.epmdPort = ports[0], ports[1], ports[2], ports[3]
	if err := makeCertificates(s.dir); err != nil {
		return err
	}
	config := fmt.Sprintf(`listeners.tcp.1 = 127.0.0.1:%[1]d
listeners.ssl.1 = 127.0.0.1:%[2]d
ssl_options.cacertfile = %[6]s/ca.pem
ssl_options.certfile = %[6]s/server.pem
ssl_options.keyfile = %[6]s/server.key
ssl_options.verify = verify_peer
ssl_options.fail_if_no_peer_cert = true
default_user = %[3]s
default_pass = %[4]s
default_vhost = %[5]s
loopback_users = none
log.console = false
log.file.level = info
vm_memory_high_watermark.absolute = 1GB
disk_free_limit.absolute = 10MB
`, s.port, s.tlsPort, User, Password, VHost, s.dir)
	for name, text := range map[string]string{
		".erlang.cookie": "rabbittest-" + filepath.Base(s.dir), "rabbit.conf": config, "plugins": "[].\n",
	} {
		if err := os.WriteFile(filepath.Join(s.dir, name), []byte(text), 0o400); err != nil {
			return err
		}
	}
	return os.Mkdir(filepath.Join(s.dir, "log"), 0o700)
}

// freePorts asks the system for ports that nobody listens on now.
func freePorts(n int) (ports []int, err error) {
	for range n {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		defer l.Close()
		ports = append(ports, l.Addr().(*net.TCPAddr).Port)
	}
	return ports, nil
}

// env is all that the node and rabbitmqctl see of the environment.
func (s *Server) env() []string {
	in := func(name string) string { return filepath.Join(s.dir, name) }
	return []string{
		"PATH=/usr/bin:/bin:/usr/sbin:/sbin", "LANG=C.UTF-8", "HOME=" + s.dir, "TMPDIR=" + s.dir,
		fmt.Sprint("ERL_EPMD_PORT=", s.epmdPort), "ERL_EPMD_ADDRESS=127.0.0.1",
		"RABBITMQ_NODENAME=" + s.node(), fmt.Sprint("RABBITMQ_DIST_PORT=", s.distPort),
		"RABBITMQ_MNESIA_BASE=" + in("mnesia"), "RABBITMQ_LOG_BASE=" + in("log"),
		"RABBITMQ_CONFIG_FILE=" + in("rabbit.conf"), "RABBITMQ_ADVANCED_CONFIG_FILE=" + in("advanced.config"),
		"RABBITMQ_ENABLED_PLUGINS_FILE=" + in("plugins"), "RABBITMQ_CONF_ENV_FILE=/dev/null",
		"RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS=+S 1:1 +SDcpu 1 +SDio 1 +A 4 +sbwt none",
		"RUNNING_UNDER_SYSTEMD=1", // the script becomes the node: one process, one id
	}
}

func (s *Server) node() string { return "rabbittest@localhost" }

// start boots the node on what is stored and waits until it takes connections.
func (s *Server) start() error {
	if s.epmd == nil { // of our own: the node would leave one running for ever
		s.epmd = s.command("epmd", "-port", fmt.Sprint(s.epmdPort), "-address", "127.0.0.1")
		if err := s.epmd.Start(); err != nil {
			s.epmd = nil
			return err
		}
	}
	s.beam = s.command(filepath.Join(s.sbin, "rabbitmq-server"))
	if err := s.beam.Start(); err != nil {
		s.beam = nil
		return err
	}
	if err := s.watch(); err != nil {
		return err
	}
	var err error
	for end := time.Now().Add(bootWait); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		var c *amqp.Connection
		if c, err = amqp.Dial(s.URL()); err == nil {
			return c.Close()
		}
	}
	return fmt.Errorf("no connection after %v: %w", bootWait, err)
}

func (s *Server) command(name string, args ...string) *exec.Cmd {
	c := exec.Command(name, args...)
	c.Env, c.Dir = s.env(), s.dir
	if log, err := os.OpenFile(filepath.Join(s.dir, "out"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600); err == nil {
		c.Stdout, c.Stderr = log, log
	}
	c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // an interrupt of the test is not theirs
	return c
}

// watch starts a process that ends the node when this one is gone, however it
// went: it waits for the end of a pipe that only this process holds.
func (s *Server) watch() error {
	s.unwatch()
	s.guard = exec.Command("sh", "-c", `read -r _; kill -9 "$1" "$2"; rm -rf "$3"`, "sh",
		fmt.Sprint(s.beam.Process.Pid), fmt.Sprint(s.epmd.Process.Pid), s.dir)
	s.guard.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	pipe, err := s.guard.StdinPipe()
	if err != nil {
		return err
	}
	s.guardPipe = pipe
	return s.guard.Start()
}

func (s *Server) unwatch() {
	if s.guard == nil {
		return
	}
	if s.guard.Process != nil {
		_ = s.guard.Process.Kill()
		_ = s.guard.Wait()
	}
	_ = s.guardPipe.Close()
	s.guard = nil
}

// URL is amqp://user:password@127.0.0.1:port/vhost.
func (s *Server) URL() string {
	return fmt.Sprintf("amqp://%s:%s@%s/%s", User, Password, s.Addr(), VHost)
}

// TLSURL is the amqps URL; the server wants a client certificate.
func (s *Server) TLSURL() string {
	return fmt.Sprintf("amqps://%s:%s@127.0.0.1:%d/%s", User, Password, s.tlsPort, VHost)
}

// Certificates are the PEM files of the authority that signed the server's
// certificate, and of a client's certificate and key.
func (s *Server) Certificates() (ca, cert, key string) {
	return filepath.Join(s.dir, "ca.pem"), filepath.Join(s.dir, "client.pem"), filepath.Join(s.dir, "client.key")
}

// Addr is HOST:PORT.
func (s *Server) Addr() string { return fmt.Sprintf("127.0.0.1:%d", s.port) }

// Pid is the node's process id.
func (s *Server) Pid() int { return s.beam.Process.Pid }

// Stop ends the node with SIGTERM; its storage stays.
func (s *Server) Stop() { s.end(syscall.SIGTERM) }

// Kill ends the node with SIGKILL; its storage stays.
func (s *Server) Kill() { s.end(syscall.SIGKILL) }

func (s *Server) end(sig syscall.Signal) {
	s.unwatch()
	if s.beam == nil {
		return
	}
	_ = s.beam.Process.Signal(syscall.SIGCONT)
	_ = s.beam.Process.Signal(sig)
	late := time.AfterFunc(stopWait, func() { _ = s.beam.Process.Kill() })
	_ = s.beam.Wait()
	late.Stop()
	s.beam = nil
}

// Restart starts the node again on the same storage and port, after Stop or Kill;
// a node that runs is stopped first.
func (s *Server) Restart() error {
	s.end(syscall.SIGTERM)
	return s.start()
}

// Boot is Restart without the wait: the node comes up in its own time.
func (s *Server) Boot() error {
	s.end(syscall.SIGTERM)
	s.beam = s.command(filepath.Join(s.sbin, "rabbitmq-server"))
	if err := s.beam.Start(); err != nil {
		s.beam = nil
		return err
	}
	return s.watch()
}

// Pause freezes the node (SIGSTOP): its connections stay and nothing answers.
func (s *Server) Pause() error {
	if err := s.beam.Process.Signal(syscall.SIGSTOP); err != nil {
		return err
	}
	for end := time.Now().Add(stopWait); time.Now().Before(end); time.Sleep(time.Millisecond) {
		if state(s.Pid()) == "T" {
			return nil
		}
	}
	return errors.New("rabbittest: the broker does not stop")
}

// state is a process's one letter in /proc, "" where there is no such process.
func state(pid int) string {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return ""
	}
	_, rest, _ := strings.Cut(string(b), ") ")
	return rest[:1]
}

// Resume ends a Pause.
func (s *Server) Resume() error { return s.beam.Process.Signal(syscall.SIGCONT) }

// Ctl runs rabbitmqctl against the node and returns what it printed.
func (s *Server) Ctl(args ...string) (string, error) {
	c := s.command(filepath.Join(s.sbin, "rabbitmqctl"), append([]string{"--quiet", "--node", s.node()}, args...)...)
	var out bytes.Buffer
	c.Stdout, c.Stderr = &out, &out
	if err := c.Run(); err != nil {
		return "", fmt.Errorf("rabbitmqctl %s: %w: %s", args[0], err, strings.TrimSpace(out.String()))
	}
	return out.String(), nil
}

// Close ends every process of the server and removes its storage.
func (s *Server) Close() {
	s.Kill()
	if s.epmd != nil {
		_ = s.epmd.Process.Kill()
		_ = s.epmd.Wait()
		s.epmd = nil
	}
	_ = os.RemoveAll(s.dir)
}

// tail is what the node said last, for a message.
func (s *Server) tail() string {
	var all []byte
	for _, name := range []string{"out", "log/" + s.node() + ".log"} {
		b, _ := os.ReadFile(filepath.Join(s.dir, name))
		all = append(all, b[max(0, len(b)-2000):]...)
	}
	return string(all)
}
