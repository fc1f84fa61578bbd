package rediskv

import (
	"context"
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

// codeOf maps what the server or the connection said to an edge code; "" where
// it says nothing about whether a write was done.
func codeOf(err error) edge.Code {
	var reply redis.Error
	if errors.As(err, &reply) {
		word, _, _ := strings.Cut(reply.Error(), " ")
		switch word {
		case "OOM":
			return edge.CodeStoreFull
		case "LOADING", "MISCONF", "READONLY", "MASTERDOWN", "CLUSTERDOWN", "TRYAGAIN", "NOREPLICAS",
			"NOAUTH", "NOPERM", "WRONGPASS", "BUSY":
			return edge.CodeStoreDown
		case "WRONGTYPE":
			return edge.CodeBadValue
		case "UNKNOWNOUTCOME": // minikv: the journal failed under this write
			return edge.CodeUnknownOutcome
		}
		if strings.Contains(reply.Error(), "max number of clients") {
			return edge.CodeStoreDown
		}
		return edge.CodeInternal
	}
	var op *net.OpError
	if errors.As(err, &op) && op.Op == "dial" || errors.Is(err, redis.ErrClosed) ||
		errors.Is(err, redis.ErrPoolTimeout) || errors.Is(err, redis.ErrPoolExhausted) {
		return edge.CodeStoreDown // nothing was sent
	}
	return ""
}

// broken says that err came from the connection, not from the server or ctx.
func broken(err error) bool {
	var reply redis.Error
	return !errors.As(err, &reply) && !errors.Is(err, redis.ErrClosed)
}

func writeError(what string, err error) error {
	if err == nil {
		return nil
	}
	switch code := codeOf(err); code {
	case "":
		return edge.Errorf(edge.CodeUnknownOutcome, "rediskv: %s: %w", what, err).
			WithHint("read the key back to see what it holds")
	default:
		return edge.Errorf(code, "rediskv: %s: %w", what, err)
	}
}

func readError(what string, err error) error {
	code := codeOf(err)
	if code == "" || code == edge.CodeUnknownOutcome {
		code = edge.CodeStoreDown
	}
	if errors.Is(err, context.Canceled) {
		code = edge.CodeInternal
	}
	return edge.Errorf(code, "rediskv: %s: %w", what, err)
}
