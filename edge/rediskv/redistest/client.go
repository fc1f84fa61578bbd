package redistest

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"
)

// Client is a connection for the test's own questions; the caller closes it.
// With WithACL it is another user's, who may do everything.
func (s *Server) Client() *redis.Client {
	o := &redis.Options{Addr: s.Addr(), TLSConfig: s.tls, MaxRetries: -1, DialerRetries: 1, DisableIdentity: true, ContextTimeoutEnabled: true,
		MaintNotificationsConfig: &maintnotifications.Config{Mode: maintnotifications.ModeDisabled}}
	if s.acl != "" {
		o.Username, o.Password = "test-admin", "any"
	}
	return redis.NewClient(o)
}

// Do sends one command and fails the test on an error.
func (s *Server) Do(t testing.TB, args ...any) any {
	t.Helper()
	c := s.Client()
	defer c.Close()
	v, err := c.Do(context.Background(), args...).Result()
	if err != nil {
		t.Fatalf("%v: %v", args[0], err)
	}
	return v
}

// Cluster starts three masters that share the slots, and waits until each knows it.
func Cluster(t testing.TB, opts ...Option) []*Server {
	t.Helper()
	bounds := []int{0, 5461, 10923, 16384}
	var nodes []*Server
	for i := range 3 {
		s := StartWith(t, append([]Option{WithArgs("--cluster-enabled", "yes", "--cluster-node-timeout", "1000")}, opts...)...)
		s.Do(t, "cluster", "addslotsrange", bounds[i], bounds[i+1]-1)
		s.Do(t, "cluster", "set-config-epoch", i+1)
		nodes = append(nodes, s)
	}
	for _, s := range nodes[1:] {
		nodes[0].Do(t, "cluster", "meet", "127.0.0.1", s.port, s.busPort)
	}
	AwaitCluster(t, nodes)
	return nodes
}

// AwaitCluster waits until each node says that all nodes are known and all slots served.
func AwaitCluster(t testing.TB, nodes []*Server) {
	t.Helper()
	for _, s := range nodes {
		c := s.Client()
		for end := time.Now().Add(20 * time.Second); ; time.Sleep(10 * time.Millisecond) {
			info, err := c.ClusterInfo(context.Background()).Result()
			if strings.Contains(info, "cluster_state:ok") && strings.Contains(info, "cluster_known_nodes:3") {
				break
			}
			if time.Now().After(end) {
				t.Fatalf("the cluster does not come up: %v %s", err, info)
			}
		}
		_ = c.Close()
	}
}

// ClusterURL names the nodes of a Cluster.
func ClusterURL(nodes []*Server) string {
	scheme, addrs := "redis+cluster://", make([]string, len(nodes))
	for i, s := range nodes {
		addrs[i] = s.Addr()
		if s.tls != nil {
			scheme = "rediss+cluster://"
		}
	}
	return scheme + strings.Join(addrs, ",")
}
