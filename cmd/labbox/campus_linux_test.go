package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"labbox/bridge/faultproxy"
	"labbox/bridge/rabbitbus/rabbittest"
	"labbox/devices/devicetest/simchip"
	"labbox/edge"
	"labbox/edge/rediskv/redistest"
)

// campus is a lab in processes of their own: RabbitMQ, Redis, an owner with a
// simulated chip on a pty, two web processes, and a proxy without sticky sessions
// in front of them.
type campus struct {
	t                     testing.TB
	broker                *rabbittest.Server
	store                 *redistest.Server
	brokerLink, storeLink *faultproxy.Proxy
	brokerFile            string // the broker's password

	chip         *simchip.Chip
	data, config string
	owner        *box
	webs         [2]*box
	lab          *box // what a browser sees: the proxy
	front        *balancer
}

func startCampus(t *testing.T) *campus {
	t.Helper()
	chip := simchip.Start(t, simchip.Options{Firmware: "plate"})
	c := newCampus(t, strings.Replace(plateBox(chip, 115200), "type: plate", "type: "+quickPlate(t), 1)+campusCamera)
	c.chip = chip
	c.start()
	c.lab.until("plate", "live", isLive)
	return c
}

// keepTurn is how long quickPlate keeps a turn whose holder is away.
const keepTurn = 6 * time.Second

// quickPlate is the catalogue's plate with a shorter keep, so that a test waits
// less for the turn of the one before.
func quickPlate(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("../../devices/catalog/plate.yaml")
	if err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(t.TempDir(), "plate.yaml")
	if err := os.WriteFile(name, fmt.Appendf(text, "\nkeep: %v\n", keepTurn), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

// newCampus has broker and store running.
func newCampus(t testing.TB, boxFile string) *campus {
	t.Helper()
	c := &campus{t: t, broker: rabbittest.Start(t), store: redistest.Start(t)}
	c.brokerLink, c.storeLink = faultproxy.Start(t, c.broker.Addr()), faultproxy.Start(t, c.store.Addr())
	dir := t.TempDir()
	c.data, c.config, c.brokerFile = filepath.Join(dir, "data"), filepath.Join(dir, "box.yaml"), filepath.Join(dir, "broker-password")
	for name, text := range map[string]string{c.config: boxFile, c.brokerFile: rabbittest.Password + "\n"} {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	c.front = newBalancer(t)
	c.lab = &box{t: t, url: c.front.URL, log: &lockedBuffer{}}
	return c
}

// start starts the owner and two web processes.
func (c *campus) start() {
	c.t.Helper()
	c.startOwner()
	for i := range c.webs {
		c.startWeb(i)
	}
}

// backends are the flags of broker and store, by the links.
func (c *campus) backends() []string {
	return []string{"--broker", "amqp://" + rabbittest.User + "@" + c.brokerLink.Addr() + "/" + rabbittest.VHost,
		"--broker-password-file", c.brokerFile, "--kv", "redis://" + c.storeLink.Addr() + "/0"}
}

// process starts labbox with a role.
func (c *campus) process(args ...string) *box {
	c.t.Helper()
	cmd := exec.Command(os.Args[0], append([]string{"run"}, args...)...)
	cmd.Env = append(os.Environ(), "LABBOX_AS_MAIN=1")
	return launch(c.t, cmd, 30*time.Second)
}

func (c *campus) startOwner() {
	c.t.Helper()
	listen := "127.0.0.1:0"
	if c.owner != nil {
		listen = strings.TrimPrefix(c.owner.url, "http://")
	}
	c.owner = c.process(append(c.backends(), "--roles", "devices", "--listen", listen, "--data", c.data, "--config", c.config)...)
}

func (c *campus) startWeb(i int) {
	c.t.Helper()
	c.webs[i] = c.process(append(c.backends(), "--roles", "web", "--box", "bench", "--listen", "127.0.0.1:0")...)
	c.front.set(i, c.webs[i].url)
}

// balancer passes requests to whichever web process takes the connection, first
// one first; a browser that comes again may meet the other.
type balancer struct {
	*httptest.Server
	mu   sync.Mutex
	urls [2]string
	only int // -1: all
}

func newBalancer(t testing.TB) *balancer {
	b := &balancer{only: -1}
	p := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(b.pick())
			r.Out.Host = r.In.Host
		},
		ErrorHandler: func(w http.ResponseWriter, _ *http.Request, _ error) { w.WriteHeader(http.StatusBadGateway) },
		ErrorLog:     nil,
	}
	b.Server = httptest.NewServer(p)
	t.Cleanup(b.CloseClientConnections)
	return b
}

func (b *balancer) set(i int, u string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.urls[i] = u
}

// route sends everything to one web process, or to all with -1.
func (b *balancer) route(i int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.only = i
}

func (b *balancer) pick() *url.URL {
	b.mu.Lock()
	urls, only := b.urls, b.only
	b.mu.Unlock()
	for i, u := range urls {
		p, _ := url.Parse(u)
		if only >= 0 && only != i || u == "" {
			continue
		}
		if c, err := net.DialTimeout("tcp", p.Host, time.Second); err == nil {
			_ = c.Close()
			return p
		}
	}
	p, _ := url.Parse("http://127.0.0.1:1")
	return p
}

// reasons asks a process's /readyz.
func (b *box) reasons() []edge.Error {
	b.t.Helper()
	res, err := http.Get(b.url + "/readyz")
	if err != nil {
		b.t.Fatal(err)
	}
	defer res.Body.Close()
	var body struct {
		Ready   bool         `json:"ready"`
		Reasons []edge.Error `json:"reasons"`
	}
	raw, _ := io.ReadAll(res.Body)
	if err := json.Unmarshal(raw, &body); err != nil || body.Ready != (res.StatusCode == 200) || body.Ready != (len(body.Reasons) == 0) {
		b.t.Fatalf("readyz %d %s: %v", res.StatusCode, raw, err)
	}
	return body.Reasons
}

// waitReason waits until /readyz names a code, or none with "".
func (b *box) waitReason(within time.Duration, code edge.Code) edge.Error {
	b.t.Helper()
	for end := time.Now().Add(within); ; time.Sleep(50 * time.Millisecond) {
		list := b.reasons()
		if code == "" && len(list) == 0 {
			return edge.Error{}
		}
		for _, e := range list {
			if e.Code == code {
				if e.Hint == "" {
					b.t.Errorf("reason without a hint: %+v", e)
				}
				return e
			}
		}
		if time.Now().After(end) {
			b.t.Fatalf("readyz never said %q: %v", code, list)
		}
	}
}

// again connects anew, as the same browser does after its connection broke.
func (p *panel) again() *panel {
	p.t.Helper()
	_ = p.ws.Close()
	return dialPanel(p.t, p.url, p.http)
}

// notice waits until the panel is told which parts are away; none: all is well.
func (p *panel) notice(within time.Duration, parts ...string) {
	p.t.Helper()
	want := strings.Join(parts, " ")
	for end := time.Now().Add(within); ; time.Sleep(20 * time.Millisecond) {
		p.mu.Lock()
		have := strings.Join(p.away, " ")
		p.mu.Unlock()
		if have == want {
			return
		}
		if time.Now().After(end) {
			p.t.Fatalf("the panel is told %q is away, want %q", have, want)
		}
	}
}

// eventually polls.
func eventually(t *testing.T, within time.Duration, what string, ok func() bool) time.Duration {
	t.Helper()
	begun := time.Now()
	for end := begun.Add(within); !ok(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("never within %v: %s", within, what)
		}
	}
	return time.Since(begun)
}

// post sends a request with the seat of a panel and returns status and body.
func (p *panel) post(path, body string) (int, string) {
	p.t.Helper()
	res, err := p.http.Post(p.url+path, "application/json", strings.NewReader(body))
	if err != nil {
		p.t.Fatal(err)
	}
	defer res.Body.Close()
	b, _ := io.ReadAll(res.Body)
	return res.StatusCode, string(b)
}

// fresh makes the chip safe and free of stops and leases, and returns a panel that
// has it.
func (c *campus) fresh(t *testing.T, name string) *panel {
	t.Helper()
	c.front.route(-1)
	p := c.lab.as(t).panel(name)
	c.lab.as(t).until("plate", "live, safe and free", func(st edge.Status) bool {
		if st.Stopped != nil {
			p.ask(map[string]any{"op": "resume", "device": "plate"})
		}
		if st.Lease != nil { // who drove before a restart drives again
			p.ask(map[string]any{"op": "revoke", "device": "plate"})
		}
		next := slices.ContainsFunc(st.Queue, func(w edge.Waiting) bool { return !w.Away })
		return isLive(st) && st.Safe == edge.SafeConfirmed && st.Lease == nil && st.Stopped == nil && !next
	})
	return p
}

func (b *box) as(t testing.TB) *box { o := *b; o.t = t; return &o }

func (c *campus) String() string {
	return fmt.Sprintf("owner %s, webs %s %s", c.owner.url, c.webs[0].url, c.webs[1].url)
}

// newJarClient is a browser that nobody knows yet.
func newJarClient() *http.Client {
	jar, _ := cookiejar.New(nil)
	return &http.Client{Jar: jar}
}
