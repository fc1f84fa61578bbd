package rabbitbus

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"labbox/edge"
)

func TestBadConfig(t *testing.T) {
	const secret = "s3cret"
	missing := filepath.Join(t.TempDir(), "missing")
	for _, url := range []string{
		"", "nonsense", "http://u:" + secret + "@h/", "amqp://", "amqp://u:" + secret + "@/v", "amqp://u:" + secret + "%@h/v",
		"amqp://u:" + secret + "@h:x/v", "amqp://u:" + secret + "@h:99999/v", "amqp://u:" + secret + "@h/v?heartbeat=0",
		"amqp://u:" + secret + "@h/v?heartbeat=soon", "amqp://u:" + secret + "@h/v?colour=red", "amqp://u:" + secret + "@h/v?cacertfile=x",
		"amqps://u:" + secret + "@h/v?cacertfile=" + missing, "amqps://u:" + secret + "@h/v?certfile=" + missing,
		"amqps://u:" + secret + "@h/v?certfile=" + missing + "&keyfile=" + missing, "amqps://u:" + secret + "@h/v?auth_mechanism=magic",
		"amqp://u:" + secret + "@h/" + strings.Repeat("v", 256), "amqp://u:" + secret + "@h ost/v",
	} {
		b, err := Open(t.Context(), Config{URL: url})
		if err == nil {
			_ = b.Close()
			t.Errorf("%q is taken", url)
			continue
		}
		var e *edge.Error
		if !errors.As(err, &e) || e.Code != edge.CodeBadConfig || e.Hint == "" {
			t.Errorf("%q: %v (%s, hint %q)", url, err, edge.CodeOf(err), e.Hint)
		}
		if strings.Contains(e.Message+e.Hint, secret) {
			t.Errorf("the password is shown: %s (%s)", e.Message, e.Hint)
		}
	}
	if _, err := Open(t.Context(), Config{URL: "amqp://u@h/v", PasswordFile: missing}); edge.CodeOf(err) != edge.CodeBadConfig {
		t.Errorf("a missing password file: %v", err)
	}
}

func TestParse(t *testing.T) {
	file := filepath.Join(t.TempDir(), "password")
	if err := os.WriteFile(file, []byte("from file\r\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		url, file                          string
		addr, vhost, user, password, plain string
		heartbeat                          time.Duration
	}{
		{"amqp://h", "", "h:5672", "/", "guest", "guest", "amqp://h:5672/", 10 * time.Second},
		{"amqp://h/", "", "h:5672", "/", "guest", "guest", "amqp://h:5672/", 10 * time.Second},
		{"amqp://u:p%40@h:1/lab?heartbeat=3", "", "h:1", "lab", "u", "p@", "amqp://h:1/", 3 * time.Second},
		{"amqp://u@h/%2F", file, "h:5672", "/", "u", "from file", "amqp://h:5672/", 10 * time.Second},
		{"amqp://u:x@[::1]/a%2Fb", file, "[::1]:5672", "a/b", "u", "from file", "amqp://[::1]:5672/", 10 * time.Second},
		{"amqps://u:p@h/v", "", "h:5671", "v", "u", "p", "amqps://h:5671/", 10 * time.Second},
	} {
		got, err := Config{URL: c.url, PasswordFile: c.file}.withDefaults().parse()
		if err != nil {
			t.Errorf("%s: %v", c.url, err)
			continue
		}
		auth, err := got.auth()
		if err != nil {
			t.Fatal(err)
		}
		if got.addr != c.addr || got.vhost != c.vhost || got.url != c.plain || got.heartbeat != c.heartbeat ||
			auth.Response() != "\x00"+c.user+"\x00"+c.password {
			t.Errorf("%s: %+v, %q", c.url, got, auth.Response())
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{"amqp://u:p@h:1/v?heartbeat=1", "amqps://h/%2F", "amqp://u:p%@h", "://", "amqp://[::1]:5/"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if strings.Contains(s, "file=") {
			return // would read files
		}
		got, err := Config{URL: s}.withDefaults().parse()
		if err == nil && (got.addr == "" || got.vhost == "" || strings.Contains(got.url, "@") && !strings.Contains(got.addr, "@")) {
			t.Errorf("%q: %+v", s, got)
		}
		if err != nil && edge.CodeOf(err) != edge.CodeBadConfig {
			t.Errorf("%q: %v", s, err)
		}
	})
}

func FuzzSettings(f *testing.F) {
	q := edge.Queue{Name: "q", MaxTries: 3, RetryDelay: 1500 * time.Microsecond, AckWait: time.Minute, Dedup: time.Hour, MaxBytes: 1 << 20}
	f.Add(settings(q))
	f.Add("q:tries=3,retry=1h,")
	f.Add(":")
	if got, err := readSettings(settings(q)); err != nil || got != q {
		f.Fatalf("%+v, %v", got, err)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got, err := readSettings(s)
		if err != nil {
			return
		}
		if again, err := readSettings(settings(got)); err != nil || again != got {
			t.Errorf("%q: %+v, again %+v, %v", s, got, again, err)
		}
		if len(settings(got)) > 255 {
			t.Errorf("settings of %q are %d bytes long", s, len(settings(got)))
		}
	})
}

func TestRoutingKey(t *testing.T) {
	for pattern, want := range map[string]string{"a.b": "a.b", "a.*": "a.*", ">": "*.#", "a.>": "a.*.#", "*.b.>": "*.b.*.#"} {
		if got := routingKey(pattern); got != want {
			t.Errorf("%s: %s, want %s", pattern, got, want)
		}
	}
}

func TestOwnerTakes(t *testing.T) {
	had := owner{"a", 1000}
	for _, c := range []struct {
		o    owner
		want bool
	}{{owner{"a", 1000}, true}, {owner{"b", 1000}, false}, {owner{"b", 1999}, false}, {owner{"b", 2000}, true}, {owner{"b", 500}, false}} {
		if got := c.o.takes(had, time.Second); got != c.want {
			t.Errorf("%+v after %+v: %v", c.o, had, got)
		}
		if back := readOwner(c.o.encode()); back != c.o {
			t.Errorf("%+v came back as %+v", c.o, back)
		}
	}
}
