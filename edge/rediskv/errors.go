package rediskv

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"labbox/edge"
)

const (
	maxKey   = 512
	maxValue = 1 << 20
	maxTTL   = 100 * 365 * 24 * time.Hour
)

// check vets a write and returns its ttl in milliseconds, 0 for none.
func check(key string, value []byte, ttl time.Duration) (ms int64, err error) {
	if err := checkKey(key); err != nil {
		return 0, err
	}
	if len(value) > maxValue {
		return 0, edge.Errorf(edge.CodeTooLarge, "rediskv: value of %d bytes is over 1 MiB", len(value))
	}
	if ttl < 0 || ttl > maxTTL {
		return 0, edge.Errorf(edge.CodeBadRequest, "rediskv: ttl %v is not between 0 and 100 years", ttl)
	}
	return int64((ttl + time.Millisecond - 1) / time.Millisecond), nil
}

func checkKey(key string) error {
	if key == "" || len(key) > maxKey {
		return edge.Errorf(edge.CodeBadName, "rediskv: key of %d bytes, want 1 to %d", len(key), maxKey)
	}
	for i := 0; i < len(key); i++ {
		if key[i] <= ' ' || key[i] > '~' {
			return edge.Errorf(edge.CodeBadName, "rediskv: key %q: only printable ASCII without space", key)
		}
	}
	return nil
}

// Needs is what an ACL user must be allowed to do; docs/ref/store.md says for
// what. cluster|... is used in a Cluster only.
const Needs = "+get +mget +set +del +pexpire +pttl +persist +exists +eval +evalsha +scan +info +ping +config|get +cluster|slots +cluster|info"

// refusals are the server's words for "not done", with what to do about them.
var refusals = map[string]struct {
	code edge.Code
	hint string
}{
	"OOM":         {edge.CodeStoreFull, "the store has reached its maxmemory: raise it, or remove what others keep there"},
	"LOADING":     {edge.CodeStoreDown, "the store reads its data after a start: wait"},
	"MISCONF":     {edge.CodeStoreDown, "the store cannot save to its disk: look at its log, and for free space"},
	"READONLY":    {edge.CodeStoreDown, "this is a read-only replica: name its master"},
	"MASTERDOWN":  {edge.CodeStoreDown, "this is a replica that has lost its master: name the master"},
	"CLUSTERDOWN": {edge.CodeStoreDown, "a part of the Cluster's slots has no master: start it, or look at CLUSTER NODES"},
	"TRYAGAIN":    {edge.CodeStoreDown, "the Cluster moves these keys right now: try again"},
	"NOREPLICAS":  {edge.CodeStoreDown, "fewer replicas than min-replicas-to-write are connected"},
	"MOVED":       {edge.CodeStoreDown, "this is a node of a Cluster: use redis+cluster://"},
	"NOAUTH":      {edge.CodeStoreDown, "the store wants a password: give its user and password file"},
	"WRONGPASS":   {edge.CodeStoreDown, "the store does not know this user with this password: look at both, and whether the user is on"},
	"NOPERM":      {edge.CodeStoreDown, noPerm},
	"BUSY":        {edge.CodeStoreDown, "a script of somebody else blocks the store: SCRIPT KILL ends it"},
	"WRONGTYPE":   {edge.CodeBadValue, "another program uses this key: use a key prefix"},
	// minikv: the journal failed under this write
	"UNKNOWNOUTCOME": {edge.CodeUnknownOutcome, "read the key back to see what it holds"},
}

const noPerm = "the store's user needs the commands " + Needs + " on the keys of labbox"

// explain maps what the server or the connection said to a code and a hint; ""
// where it says nothing about whether a write was done.
func explain(err error) (edge.Code, string) {
	var reply redis.Error
	if errors.As(err, &reply) {
		text := reply.Error()
		word, _, _ := strings.Cut(text, " ")
		if r, ok := refusals[word]; ok {
			return r.code, r.hint
		}
		switch {
		case strings.Contains(text, "user executing the script can't"), strings.Contains(text, "ACL failure in script"): // 7.0, 7.2
			return edge.CodeStoreDown, noPerm
		case strings.Contains(text, "max number of clients"):
			return edge.CodeStoreDown, "raise the store's maxclients"
		}
		return edge.CodeInternal, ""
	}
	var early *notSent
	if errors.As(err, &early) {
		return edge.CodeStoreDown, whyAway(early)
	}
	var op *net.OpError
	if errors.As(err, &op) && op.Op == "dial" || errors.Is(err, redis.ErrClosed) ||
		errors.Is(err, redis.ErrPoolTimeout) || errors.Is(err, redis.ErrPoolExhausted) {
		return edge.CodeStoreDown, "" // nothing was sent
	}
	return "", ""
}

// whyAway is a hint for a connection that did not come about.
func whyAway(e *notSent) string {
	var authority x509.UnknownAuthorityError
	var host x509.HostnameError
	var plain tls.RecordHeaderError
	text := e.Error()
	hungUp := strings.HasSuffix(text, "EOF") || strings.Contains(text, "connection reset") || strings.Contains(text, "broken pipe")
	switch {
	case errors.As(e.err, &authority):
		return "the store's certificate is signed by somebody else: give its CA file"
	case errors.As(e.err, &host):
		return "the store's certificate is for other names than this address"
	case errors.As(e.err, &plain), strings.HasPrefix(text, tlsWith) && errors.Is(e.err, context.DeadlineExceeded):
		return "the store does not speak TLS at this port: use its TLS port, or redis://"
	case strings.Contains(text, "tls: certificate required"), strings.Contains(text, "tls: bad certificate"), hungUp && e.tls:
		return "the store wants a client certificate that its authority has signed"
	case hungUp:
		return "the store hangs up at once: does it want TLS (rediss://)?"
	}
	return "is the store running, and are its address and port right?"
}

// broken says that err came from the connection, not from the server or ctx.
func broken(err error) bool {
	var reply redis.Error
	return !errors.As(err, &reply) && !errors.Is(err, redis.ErrClosed)
}

func hinted(e *edge.Error, hint string) *edge.Error {
	if hint == "" {
		return e
	}
	return e.WithHint("%s", hint)
}

func writeError(what string, err error) error {
	if err == nil {
		return nil
	}
	code, hint := explain(err)
	if code == "" {
		code, hint = edge.CodeUnknownOutcome, "read the key back to see what it holds"
	}
	return hinted(edge.Errorf(code, "rediskv: %s: %w", what, err), hint)
}

func readError(what string, err error) error {
	code, hint := explain(err)
	if code == "" || code == edge.CodeUnknownOutcome {
		code, hint = edge.CodeStoreDown, ""
	}
	if errors.Is(err, context.Canceled) {
		code = edge.CodeInternal
	}
	return hinted(edge.Errorf(code, "rediskv: %s: %w", what, err), hint)
}
