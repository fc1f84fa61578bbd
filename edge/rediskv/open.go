package rediskv

import (
	"context"
	"net"
	"net/url"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"

	"labbox/edge"
)

// Config says where the store is and how to get in.
type Config struct {
	// URL: redis:// and rediss:// (TLS) name one server; redis+cluster:// and
	// rediss+cluster:// name nodes of a Cluster, separated by commas. Options
	// stand in the query as go-redis documents them; durable=1 sets Durable.
	URL string
	// Username is the ACL user, empty for the url's or the default user.
	Username string
	// PasswordFile holds the password; newlines at its end do not count. It is
	// read again for each connection, so that a password can be changed.
	PasswordFile string
	// CAFile holds the authorities that may sign the store's certificate, empty
	// for the system's. CertFile and KeyFile are this client's own. All are PEM.
	CAFile, CertFile, KeyFile string
	// KeyPrefix stands before every key in the store and is nowhere else seen.
	KeyPrefix string
	// Durable makes KV.Health demand appendonly and a policy that evicts nothing.
	Durable bool
}

// How long things may take. An operation that is not answered by then has an
// unknown outcome, so the time is more than a busy disk's fsync takes.
const (
	operationTimeout = 2 * time.Second
	dialTimeout      = time.Second
)

// Open connects to url and checks that somebody answers there.
func Open(ctx context.Context, url string) (*KV, error) {
	k, err := Dial(Config{URL: url})
	if err != nil {
		return nil, err
	}
	if err := k.c.Ping(ctx).Err(); err != nil {
		_ = k.Close()
		return nil, readError("open", err)
	}
	return k, nil
}

// Dial makes a KV of a store that need not be there yet: only a config that
// cannot be right is an error. Health says since when the store is missing.
// No password ever appears in an error.
func Dial(cfg Config) (*KV, error) {
	ro, addrs, durable, err := parse(cfg.URL)
	if err != nil {
		return nil, err
	}
	if strings.ContainsAny(cfg.KeyPrefix, "{}") || cfg.KeyPrefix != "" && checkKey(cfg.KeyPrefix) != nil || len(cfg.KeyPrefix) > 64 {
		return nil, edge.Errorf(edge.CodeBadConfig, "rediskv: key prefix %q is refused", cfg.KeyPrefix).
			WithHint("up to 64 printable characters without space, { and }, which decide a key's place in a Cluster")
	}
	if err := cfg.credentials(ro); err != nil {
		return nil, err
	}
	if ro.TLSConfig, err = cfg.tlsConfig(ro.TLSConfig); err != nil {
		return nil, err
	}
	ro.MaxRetries = -1
	ro.ContextTimeoutEnabled = true
	ro.DisableIdentity = true // CLIENT SETINFO is of Redis 7.2, and an ACL user would need it
	ro.MaintNotificationsConfig = &maintnotifications.Config{Mode: maintnotifications.ModeDisabled}
	orElse(&ro.DialTimeout, dialTimeout)
	orElse(&ro.ReadTimeout, operationTimeout)
	orElse(&ro.WriteTimeout, operationTimeout)
	orElse(&ro.PoolTimeout, operationTimeout)
	ro.Dialer = newLink(ro.DialTimeout, ro.TLSConfig).dial
	var client redis.UniversalClient
	if addrs == nil {
		client = redis.NewClient(ro)
	} else {
		client = redis.NewClusterClient(clusterOptions(ro, addrs))
	}
	k := New(client, Options{Durable: cfg.Durable || durable})
	k.prefix = cfg.KeyPrefix
	k.timeout = max(ro.ReadTimeout, ro.WriteTimeout)
	return k, nil
}

func orElse(d *time.Duration, v time.Duration) {
	if *d <= 0 {
		*d = v
	}
}

// clusterOptions carries over what an url can set.
func clusterOptions(ro *redis.Options, addrs []string) *redis.ClusterOptions {
	return &redis.ClusterOptions{
		Addrs: addrs, Dialer: ro.Dialer, TLSConfig: ro.TLSConfig, ClientName: ro.ClientName, Protocol: ro.Protocol,
		Username: ro.Username, Password: ro.Password, CredentialsProviderContext: ro.CredentialsProviderContext,
		MaxRetries: -1, DialTimeout: ro.DialTimeout, DialerRetries: 1,
		ReadTimeout: ro.ReadTimeout, WriteTimeout: ro.WriteTimeout, ContextTimeoutEnabled: true,
		PoolFIFO: ro.PoolFIFO, PoolSize: ro.PoolSize, PoolTimeout: ro.PoolTimeout, MinIdleConns: ro.MinIdleConns,
		MaxIdleConns: ro.MaxIdleConns, ConnMaxIdleTime: ro.ConnMaxIdleTime, ConnMaxLifetime: ro.ConnMaxLifetime,
		DisableIdentity: true, MaintNotificationsConfig: ro.MaintNotificationsConfig,
		// Policies would ask for COMMAND, and split by themselves what is split here.
		DisableRoutingPolicies: true,
	}
}

// parse returns the options, the nodes (nil: one server), and durable=1.
func parse(raw string) (ro *redis.Options, addrs []string, durable bool, err error) {
	bad := func(why string) error {
		return edge.Errorf(edge.CodeBadConfig, "rediskv: the store's url is refused: %s", why).
			WithHint("redis://host:6379/0, rediss:// for TLS, redis+cluster://host:6379,host:6380 for a Cluster")
	}
	u, err := url.Parse(raw)
	if err != nil { // its text would show the password
		return nil, nil, false, bad("it is no url")
	}
	q := u.Query()
	if q.Has("durable") {
		if v := q.Get("durable"); v != "0" && v != "1" {
			return nil, nil, false, bad("durable is 0 or 1")
		}
		durable = q.Get("durable") == "1"
		q.Del("durable")
	}
	u.RawQuery = q.Encode()
	if scheme, cluster := strings.CutSuffix(u.Scheme, "+cluster"); cluster {
		if u.Scheme = scheme; scheme != "redis" && scheme != "rediss" {
			return nil, nil, false, bad("unknown scheme")
		}
		if u.Path != "" && u.Path != "/" && u.Path != "/0" || q.Has("db") {
			return nil, nil, false, bad("a Cluster has only database 0")
		}
		for _, a := range strings.Split(u.Host, ",") {
			host, port, err := net.SplitHostPort(a)
			if err != nil {
				host, port = a, "6379"
			}
			if host == "" || strings.Contains(host, ":") {
				return nil, nil, false, bad("a node is host:port")
			}
			addrs = append(addrs, net.JoinHostPort(host, port))
		}
		u.Host = addrs[0]
	}
	if ro, err = redis.ParseURL(u.String()); err != nil {
		return nil, nil, false, bad("scheme, database or an option is not understood")
	}
	return ro, addrs, durable, nil
}
