package rediskv

import (
	"context"
	"crypto/tls"
	"net/url"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"

	"labbox/edge"
)

// Open connects to url and checks that somebody answers there. redis:// and
// rediss:// (TLS) name one server; redis+cluster:// and rediss+cluster:// name
// nodes of a Cluster, separated by commas. Options stand in the query as
// go-redis documents them; durable=1 sets Options.Durable. A password in the
// url never appears in an error.
func Open(ctx context.Context, url string) (*KV, error) {
	client, opts, err := parse(url)
	if err != nil {
		return nil, err
	}
	if err := client.Ping(ctx).Err(); err != nil {
		_ = client.Close()
		return nil, readError("open", err)
	}
	return New(client, opts), nil
}

func parse(raw string) (redis.UniversalClient, Options, error) {
	bad := func(why string) error {
		return edge.Errorf(edge.CodeBadConfig, "rediskv: the store's url is refused: %s", why).
			WithHint("redis://user:password@host:6379/0, rediss:// for TLS, redis+cluster://host:6379,host:6380")
	}
	u, err := url.Parse(raw)
	if err != nil { // its text would show the password
		return nil, Options{}, bad("it is no url")
	}
	q := u.Query()
	opts := Options{Durable: q.Get("durable") == "1"}
	q.Del("durable")
	u.RawQuery = q.Encode()
	if scheme, cluster := strings.CutSuffix(u.Scheme, "+cluster"); cluster {
		if scheme != "redis" && scheme != "rediss" {
			return nil, Options{}, bad("unknown scheme")
		}
		co := &redis.ClusterOptions{Addrs: strings.Split(u.Host, ","), MaxRetries: -1, DialerRetries: 1, ContextTimeoutEnabled: true}
		if u.User != nil {
			co.Username = u.User.Username()
			co.Password, _ = u.User.Password()
		}
		if scheme == "rediss" {
			host, _, _ := strings.Cut(co.Addrs[0], ":")
			co.TLSConfig = &tls.Config{MinVersion: tls.VersionTLS12, ServerName: host}
		}
		co.MaintNotificationsConfig = quiet()
		return redis.NewClusterClient(co), opts, nil
	}
	ro, err := redis.ParseURL(u.String())
	if err != nil {
		return nil, Options{}, bad("scheme, database or an option is not understood")
	}
	ro.MaxRetries = -1
	ro.DialerRetries = 1
	ro.ContextTimeoutEnabled = true
	if !q.Has("dial_timeout") {
		ro.DialTimeout = 2 * time.Second
	}
	ro.MaintNotificationsConfig = quiet()
	return redis.NewClient(ro), opts, nil
}

// quiet turns off a handshake that Redis before 8 refuses.
func quiet() *maintnotifications.Config {
	return &maintnotifications.Config{Mode: maintnotifications.ModeDisabled}
}
